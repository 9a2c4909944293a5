"""Masks that somebody made already: a PNG file an image (`reground.tasks.masks.png`), or COCO's JSON
(`reground.tasks.masks.coco`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.images import DropError, ListedFile, Photograph, list_files
from reground.tasks.masks.coco import coco_inputs, coco_mask
from reground.tasks.masks.png import read_png
from reground.tasks.masks.source import Decode, Mask, MaskMethod, PartialMask, ShardInputs, candidate_ids
from reground.tasks.schema import DropReason
from reground.tasks.storage import is_url, read_uri
from reground.tasks.workspace import digest

MAX_LISTED: Final = 3
"""Files of one name that a message lists."""


def supplied(location: str, foreground_value: int) -> MaskMethod:
    """Masks in a folder of PNG files, in a COCO file, or in a folder with one. Opens nothing yet.

    Args:
        location: path or URL of the folder or file.
        foreground_value: as for `read_png`.
    """
    open_inputs = functools.cache(_open_inputs)

    def shard_inputs(ids: Sequence[str]) -> ShardInputs:
        return open_inputs(location)(ids)

    def find(photograph: Photograph, pixels: Decode, seed: int, shard_inputs: Mapping[str, Any]) -> Mask | PartialMask:
        if "coco" in shard_inputs:
            return coco_mask(shard_inputs["coco"], shard_inputs["sha256"], photograph)
        return _png_mask(shard_inputs["files"][photograph.image_id], photograph, foreground_value)

    return MaskMethod("supplied", find, shard_inputs, estimated=False, check=lambda: _check(location))


def _png_mask(uris: Sequence[str], photograph: Photograph, foreground_value: int) -> Mask:
    if not uris:
        raise DropError(DropReason.MASK_MISSING, f"no file is called {photograph.image_id}.png")
    if len(uris) > 1:
        raise DropError(
            DropReason.MASK_MISSING, f"several files are called {photograph.image_id}.png: {', '.join(uris)}"
        )
    try:
        content = read_uri(uris[0])
    except OSError as error:
        raise DropError(DropReason.UNREADABLE, f"the mask {uris[0]}: {error.strerror or error}") from error
    return read_png(content, photograph.width, photograph.height, foreground_value)


# Planning


def _open_inputs(location: str) -> Callable[[Sequence[str]], ShardInputs]:
    """What lies there, as a function that tells it for the image_ids of a shard."""
    _check(location)
    if is_url(location) and location.lower().endswith(".json"):
        return _coco_inputs(location)
    if Path(location).is_file():
        return _coco_inputs(str(Path(location).absolute()))
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
    return _coco_inputs(json_files[0].uri)


def _check(location: str) -> None:
    path = Path(location)
    if is_url(location):
        return  # the store is asked when the masks are planned
    if not path.exists():
        raise UsageError(
            f"expected masks at {location}, found nothing there: give supplied:DIR, PNG files or COCO's JSON"
        )
    if not path.is_dir() and path.suffix.lower() != ".json":
        raise UsageError(f"expected masks in a folder or in a COCO file (.json), got the file {location}")


def _coco_inputs(uri: str) -> Callable[[Sequence[str]], ShardInputs]:
    inputs = coco_inputs(uri)
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
