"""Pictures for annotators: copies that fit the screen, under names that say nothing."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from reground.tasks.errors import RegroundError
from reground.tasks.images import load_rgb
from reground.tasks.schema import ImageId
from reground.tasks.workspace import Workspace

FOLDER: Final = "review"
"""Below the workspace: the only folder Label Studio serves files from."""
PICTURES: Final = "pictures"
QUALITY: Final = 88


@dataclass(frozen=True)
class Size:
    """A kind of picture: the name of its folder, and its longest side in pixels at the most."""

    name: str
    pixels: int


EXAMPLE, THUMB, FULL = Size("example", 160), Size("thumb", 400), Size("full", 1280)


@dataclass(frozen=True)
class Original:
    """Where an image lies, and the SHA-256 of its bytes."""

    uri: str
    sha256: str


def name(image_id: ImageId, original: Original) -> str:
    """A file name from which neither the image's name nor its label can be told."""
    return hashlib.blake2b(f"{image_id}\0{original.sha256}".encode(), digest_size=16).hexdigest() + ".jpg"


def link(size: Size, image_id: ImageId, original: Original) -> str:
    """Where Label Studio's page finds a picture."""
    return f"/data/local-files/?d={PICTURES}/{size.name}/{name(image_id, original)}"


def make(workspace: Workspace, size: Size, originals: Mapping[ImageId, Original], wanted: Iterable[ImageId]) -> None:
    """Write the pictures that are not there yet.

    Raises:
        RegroundError: an image cannot be read any more, or there is no room.
    """

    def one(image_id: ImageId) -> None:
        path = f"{FOLDER}/{PICTURES}/{size.name}/{name(image_id, originals[image_id])}"
        if not workspace.fs.exists(workspace.path(path)):
            workspace.write_bytes(path, _encode(image_id, originals[image_id].uri, size.pixels))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(one, dict.fromkeys(wanted)))


def _encode(image_id: ImageId, uri: str, pixels: int) -> bytes:
    from PIL import Image

    try:
        image = Image.fromarray(load_rgb(uri))
    except Exception as error:
        raise RegroundError(
            f"expected the image {image_id} at {uri}, where it was when it was indexed, and it cannot be read "
            f"({type(error).__name__}: {error}): put it back, or run `reground index` again."
        ) from error
    image.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
