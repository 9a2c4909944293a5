"""Task images: resized copies that the labeling page shows, under names that reveal nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from reground.annotations.rounds.local_folder import local_folder
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError
from reground.tasks.images import load_image
from reground.tasks.schema import ImageId
from reground.tasks.storage import open_storage
from reground.tasks.workspace import Workspace

DOCUMENT_ROOT: Final = "review"
"""Folder of the workspace, or of `local_folder`; the only one that Label Studio serves files from."""
IMAGE_FOLDER: Final = "pictures"
"""Below `DOCUMENT_ROOT`."""
JPEG_QUALITY: Final = 88
GROUP: Final = 25
"""Images written together: each is flushed to the disk before it gets its name, and many at once take little longer."""


@dataclass(frozen=True)
class TaskImageSize:
    """A size of task images: the name of its folder, and the longest side in pixels at most."""

    name: str
    pixels: int


EXAMPLE, THUMBNAIL, FULL = TaskImageSize("example", 160), TaskImageSize("thumb", 400), TaskImageSize("full", 1280)


@dataclass(frozen=True)
class SourceImage:
    """An image as it was indexed.

    Attributes:
        uri: of its file.
        sha256: of that file.
        file_name: of its copies; reveals neither the image's name nor its label.
    """

    uri: str
    sha256: str
    file_name: str


def image_url(size: TaskImageSize, source: SourceImage) -> str:
    """The path under which Label Studio serves the image."""
    return f"/data/local-files/?d={IMAGE_FOLDER}/{size.name}/{source.file_name}"


def write_images(
    workspace: Workspace, size: TaskImageSize, sources: Mapping[ImageId, SourceImage], image_ids: Iterable[ImageId]
) -> None:
    """Write the task images that are missing.

    Raises:
        RegroundError: an image can no longer be read, or the disk is full.
    """

    folder = open_storage(local_folder(workspace))
    paths = {
        image_id: f"{DOCUMENT_ROOT}/{IMAGE_FOLDER}/{size.name}/{sources[image_id].file_name}"
        for image_id in dict.fromkeys(image_ids)
    }
    missing = [image_id for image_id, path in paths.items() if not folder.exists(path)]

    def write(group: Sequence[ImageId]) -> None:
        folder.put_all({paths[image_id]: _resize(image_id, sources[image_id], size.pixels) for image_id in group})

    groups = [missing[start : start + GROUP] for start in range(0, len(missing), GROUP)]
    with ThreadPoolExecutor(cores() + 1) as pool:  # one of them waits for the disk
        list(pool.map(write, groups))


def _resize(image_id: ImageId, source: SourceImage, pixels: int) -> bytes:
    from PIL import Image

    try:
        image = load_image(source.uri, source.sha256)
        image.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    except Exception as error:
        raise RegroundError(
            f"expected the image {image_id} at {source.uri}, where it was indexed, but it cannot be read "
            f"({type(error).__name__}: {error}): restore it, or run `reground index` again."
        ) from error
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
