"""A list of images: a CSV or Parquet file with a path or URL and a label in each row."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.images.labelled_file import LabelledFile, folder_label
from reground.tasks.images.listed_file import FileProblem, ListedFile
from reground.tasks.images.listing import PathFinder, stat_file
from reground.tasks.images.object_listing import find_objects, listed_object
from reground.tasks.schema import DropReason
from reground.tasks.storage import is_url, local_copy
from reground.tasks.tabular import read_text_table, unit

LISTS: Final = (".csv", ".parquet")
"""Suffixes of files that name images."""
MISSING: Final = os.strerror(errno.ENOENT)
OTHER_SCHEME: Final = "such URLs are not read: expected a path or s3://, gs:// or az://; copy the image there first"
"""Of an address that is neither a path nor in an object store."""


@dataclass(frozen=True)
class _Row:
    """A row of a list.

    Attributes:
        name: of the image, by which rows are sorted and image_ids made.
        address: full path or URL of the image.
        label, split: as in `LabelledFile`.
        place: line or row, for a message.
    """

    name: str
    address: str
    label: str
    split: str
    place: str


def is_list(images: str) -> bool:
    """Whether a source is a file that names its images, not a folder of them."""
    return images.lower().endswith(LISTS) and (is_url(images) or not Path(images).is_dir())


def read_list(images: str) -> list[LabelledFile]:
    """The images that a list names, sorted by name. A path is relative to the folder of the list.

    Args:
        images: path or URL of the list.

    Raises:
        UsageError: it is missing, malformed or empty.
        RegroundError: an object store cannot be reached, or refuses to answer.
    """
    try:
        with local_copy(images) as path:
            rows = list(_rows(path, images))
    except FileNotFoundError as error:
        raise UsageError(f"expected a list of images at {images}, found nothing there") from error
    if not rows:
        raise UsageError(f"{images}: expected one image per line, found none below the header")
    return sorted(_with_files(rows), key=lambda item: item.file.name)


def _rows(path: Path, images: str) -> Iterable[_Row]:
    finder, folder = PathFinder(), path.parent.absolute()
    for number, cells in read_text_table(path, ("path", "label"), None):
        text, place = cells["path"], f"{unit(path)} {number}"
        if not text:
            raise UsageError(f"{images}, {place}: expected a path, found an empty cell")
        if "://" in text:
            name, address = text.partition("://")[2], text
        else:
            name = os.path.normpath(text).replace(os.sep, "/")
            is_remote = is_url(images) and not Path(text).is_absolute()
            address = _beside(images, name) if is_remote else str(finder.find(folder / text))
        yield _Row(name, address, cells["label"], cells.get("split", ""), place)


def _beside(url: str, name: str) -> str:
    """The URL of an object by its path from the folder of another."""
    scheme, _, key = url.partition("://")
    return f"{scheme}://{posixpath.normpath(posixpath.join(posixpath.dirname(key), name))}"


def _with_files(rows: Sequence[_Row]) -> Iterable[LabelledFile]:
    objects = find_objects(row.address for row in rows if is_url(row.address))
    for row in rows:
        if row.address in objects:
            file = listed_object(row.name, *objects[row.address])
        elif "://" in row.address:
            problem = FileProblem(DropReason.UNREADABLE, MISSING if is_url(row.address) else OTHER_SCHEME)
            file = ListedFile(row.name, row.address, problem=problem)
        else:
            file = stat_file(row.name, row.address)
        label_problem = "" if row.label else f"no label on {row.place}"
        yield LabelledFile(file, row.label, row.split, label_problem, folder_label(row.name))
