"""Masks that somebody made already: a PNG file an image, or COCO's JSON (`reground.tasks.masks.coco`).

A PNG's foreground, whatever drew it:

- with an alpha channel that hides something: what is at least half opaque (a cut-out);
- grey, with a palette or without: 1 of 0 and 1, else the brighter half of the range (of 0 and 255,
  smoothed or not);
- coloured, with a palette or without: all but black and the beige that PASCAL VOC paints around objects.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from reground.tasks.errors import UsageError
from reground.tasks.images import DropError, ListedFile, Photograph, list_files
from reground.tasks.masks.coco import coco_inputs, coco_mask
from reground.tasks.masks.source import Decode, Mask, MaskMethod, ShardInputs, candidate_ids
from reground.tasks.schema import DropReason
from reground.tasks.workspace import digest

VOID: Final = (224, 224, 192)
"""PASCAL VOC's colour for "not judged"."""
MAX_LISTED: Final = 3
"""Files of one name that a message lists."""


def supplied(location: str) -> MaskMethod:
    """Masks in a folder of PNG files, in a COCO file, or in a folder with one. Opens nothing yet."""
    open_inputs = functools.cache(_open_inputs)

    def shard_inputs(ids: Sequence[str]) -> ShardInputs:
        return open_inputs(Path(location))(ids)

    def find(photograph: Photograph, pixels: Decode, seed: int, shard_inputs: Mapping[str, Any]) -> Mask:
        if "coco" in shard_inputs:
            return coco_mask(shard_inputs["coco"], shard_inputs["sha256"], photograph)
        return _png_mask(shard_inputs["files"][photograph.image_id], photograph)

    return MaskMethod("supplied", find, shard_inputs, estimated=False, check=lambda: _check(Path(location)))


def read_png(content: bytes, width: int, height: int) -> Mask:
    """The foreground of a PNG file.

    Args:
        content: the whole file.
        width: of the photograph, in pixels.
        height: of the photograph, in pixels.

    Returns:
        ``(height, width) bool``.

    Raises:
        DropError: no PNG, damaged, of another size than the photograph, or without any foreground.
    """
    if not content:
        raise DropError(DropReason.EMPTY_FILE, "a mask of 0 bytes")
    try:
        image = Image.open(io.BytesIO(content), formats=("PNG",))
    except Exception as error:  # Pillow's decoders raise whatever they trip over
        raise DropError(DropReason.NOT_AN_IMAGE, f"a mask that is no PNG: {len(content):,} bytes") from error
    with image:
        # Before a pixel is decoded: a mask of its photograph's size is no decompression bomb.
        if image.size != (width, height):
            detail = f"a mask of {image.size[0]} x {image.size[1]}, its image is {width} x {height}"
            raise DropError(DropReason.MASK_SIZE_MISMATCH, detail)
        try:
            image.load()
            return _foreground(image)
        except DropError:
            raise
        except Exception as error:  # as above
            raise DropError(DropReason.TRUNCATED, f"a mask cut short or damaged: {error}") from error


def _foreground(image: Image.Image) -> Mask:
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        if alpha.min() < 255:
            return alpha >= 128
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _threshold(np.asarray(image), 65535)
    colours = np.asarray(image.convert("RGB"))
    if (colours == colours[..., :1]).all():
        return _threshold(colours[..., 0], 255)
    return colours.any(axis=2) & (colours != VOID).any(axis=2)


def _threshold(values: np.ndarray, white: int) -> Mask:
    maximum = int(values.max())
    if maximum <= 1:
        return values > 0
    # 16 bits a pixel may still hold 0 to 255.
    threshold = (255 if maximum <= 255 else white) // 2
    if maximum <= threshold:
        raise DropError(
            DropReason.MASK_FAILED,
            f"a mask with no foreground: its brightest pixel is {maximum}, over {threshold} is needed",
        )
    return values > threshold


def _png_mask(uris: Sequence[str], photograph: Photograph) -> Mask:
    if not uris:
        raise DropError(DropReason.MASK_MISSING, f"no file is called {photograph.image_id}.png")
    if len(uris) > 1:
        raise DropError(
            DropReason.MASK_MISSING, f"several files are called {photograph.image_id}.png: {', '.join(uris)}"
        )
    try:
        content = Path(uris[0]).read_bytes()
    except OSError as error:
        raise DropError(DropReason.UNREADABLE, f"the mask {uris[0]}: {error.strerror or error}") from error
    return read_png(content, photograph.width, photograph.height)


# Planning


def _open_inputs(location: Path) -> Callable[[Sequence[str]], ShardInputs]:
    """What lies there, as a function that tells it for the image_ids of a shard."""
    _check(location)
    if location.is_file():
        return _coco_inputs(location)
    files = [file for file in list_files(location) if file.problem is None]
    pngs = [file for file in files if file.name.lower().endswith(".png")]
    if pngs:
        return functools.partial(_png_inputs, _index_by_id(pngs))
    json_files = [file for file in files if file.name.lower().endswith(".json")]
    if len(json_files) != 1:
        names = ", ".join(file.name for file in json_files[:MAX_LISTED])
        raise UsageError(
            f"expected PNG files or one COCO file (.json) below {location}, found no .png and {len(json_files)} .json"
            + (f" ({names}): name the one you mean, supplied:FILE" if json_files else "")
        )
    return _coco_inputs(Path(json_files[0].uri))


def _check(location: Path) -> None:
    if not location.exists():
        raise UsageError(
            f"expected masks at {location}, found nothing there: give supplied:DIR, PNG files or COCO's JSON"
        )
    if not location.is_dir() and location.suffix.lower() != ".json":
        raise UsageError(f"expected masks in a folder or in a COCO file (.json), got the file {location}")


def _coco_inputs(path: Path) -> Callable[[Sequence[str]], ShardInputs]:
    inputs = coco_inputs(path)
    return lambda _: inputs


def _index_by_id(pngs: Sequence[ListedFile]) -> dict[str, list[ListedFile]]:
    """Files by each key; a path's is never shared, so it comes before a stem's."""
    by_path: dict[str, list[ListedFile]] = {}
    by_stem: dict[str, list[ListedFile]] = {}
    for file in pngs:
        path, stem = candidate_ids(file.name)
        by_path.setdefault(path, []).append(file)
        by_stem.setdefault(stem, []).append(file)
    return by_stem | by_path


def _png_inputs(index: Mapping[str, Sequence[ListedFile]], ids: Sequence[str]) -> ShardInputs:
    files = {image_id: index.get(image_id, ())[:MAX_LISTED] for image_id in ids}
    stamps = [digest(file.name, file.stamp) for image_id in ids for file in files[image_id]]
    return ShardInputs(tuple(stamps), {"files": {image_id: [file.uri for file in files[image_id]] for image_id in ids}})
