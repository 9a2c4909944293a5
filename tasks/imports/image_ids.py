"""Image ids in files: with or without folder and suffix, as path or URL, where that is unambiguous."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from reground.tasks.errors import UsageError
from reground.tasks.images import SUFFIXES
from reground.tasks.schema import ImageId
from reground.tasks.text import shorten

SEPARATOR: Final = "__"
"""Between folders and file in an id by path (``index --ids path``)."""


class ImageMatchError(Exception):
    """A text that names no image, or several; the message says which."""


class ImageMatcher:
    """Finds the image that a text names.

    A text is an image_id, or a path or URL that ends in one: ``val/n01440764/a.JPEG`` names ``a``,
    ``n01440764__a`` or ``val__n01440764__a``, whichever there is.

    Args:
        image_ids: of the workspace; None: it has none, and every text is a new image's: its id is the name
            without folder and suffix, as ``index`` gives ids.
        accepts: whether an id names an image although the workspace lacks it.
    """

    def __init__(
        self, image_ids: Collection[str] | None, accepts: Callable[[str], bool] = lambda image_id: False
    ) -> None:
        self.image_ids = None if image_ids is None else frozenset(image_ids)
        self._accepts = accepts
        self._matches: dict[str, ImageId | ImageMatchError] = {}
        self._folders: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def match(self, text: str) -> ImageId:
        """The id of the image that a text names.

        Raises:
            ImageMatchError: none, or several.
        """
        match = self._matches.get(text)
        if match is None:
            try:
                match = self._match(text)
            except ImageMatchError as error:
                match = error
            self._matches[text] = match
        if isinstance(match, ImageMatchError):
            raise match
        return match

    def check_folders(self, location: str) -> None:
        """Check that no two paths in different folders named one image, whose id has no folder.

        Raises:
            UsageError: two did.
        """
        for image_id, folders in self._folders.items():
            if len(folders) > 1:
                first, second = list(folders.values())[:2]
                raise UsageError(
                    f"{location}: expected to tell images apart, but both '{first}' and '{second}' name {image_id}. "
                    "Index the images with --ids path, or give their ids."
                )

    @cached_property
    def _ids_by_end(self) -> dict[str, list[str]]:
        """End of an id by path -> the ids with it."""
        ids: dict[str, list[str]] = {}
        for image_id in self.image_ids or ():
            parts = image_id.split(SEPARATOR)
            for start in range(1, len(parts)):
                ids.setdefault(SEPARATOR.join(parts[start:]), []).append(image_id)
        return ids

    def _match(self, text: str) -> ImageId:
        name = unicodedata.normalize("NFC", text.strip())
        if self._exists(name):
            return ImageId(name)
        *folders, file = _parts(name) or [""]
        names = dict.fromkeys((file, _stem(file)))
        if self.image_ids is None:
            return self._dropping_folders(_stem(file), folders, text)
        for start in range(len(folders) + 1):
            for last in names:
                image_id = SEPARATOR.join([*folders[start:], last])
                if self._exists(image_id):
                    return self._dropping_folders(image_id, folders[:start], text)
        matches = sorted({one for last in names for one in self._ids_by_end.get(SEPARATOR.join([*folders, last]), ())})
        if len(matches) > 1:
            raise ImageMatchError(f"'{shorten(text)}' names several images: {', '.join(matches[:3])}")
        if not matches:
            raise ImageMatchError(f"no image {shorten(text)}")
        return ImageId(matches[0])

    def _exists(self, image_id: str) -> bool:
        return (self.image_ids is not None and image_id in self.image_ids) or self._accepts(image_id)

    def _dropping_folders(self, image_id: str, folders: list[str], text: str) -> ImageId:
        if not image_id:
            raise ImageMatchError(f"no image {shorten(text)}")
        if folders:
            self._folders[image_id].setdefault("/".join(folders), text)
        return ImageId(image_id)


def _parts(name: str) -> list[str]:
    """The parts of a path or a URL."""
    if "://" in name:
        name = unquote(urlsplit(name).path)
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _stem(file: str) -> str:
    """The name without the suffix of an image."""
    path = PurePosixPath(file)
    return path.stem if path.suffix.lower() in SUFFIXES else file
