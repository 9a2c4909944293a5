"""Masks from instances in COCO's JSON: polygons, run lengths, compressed run lengths.

Source: https://cocodataset.org/#format-data, and pycocotools, which defines what a polygon covers.

Each process reads the file once and keeps its segmentations: count on a few times the file's
size in memory. A folder of PNG files needs none.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from pycocotools import mask as coco

from reground.tasks.errors import RegroundError
from reground.tasks.files import parse_json, read_bytes
from reground.tasks.images import DropError, Photograph
from reground.tasks.masks.rle import decode_mask
from reground.tasks.masks.source import Mask, ShardInputs, candidate_ids, file_sha256
from reground.tasks.schema import DropReason

MIN_SHARE_IN_BOX: Final = 0.5
"""An instance with a smaller share of itself in the box is another object's."""

MAX_COCO_BYTES: Final = 2_000_000_000
"""Of a file: COCO's instances_train2017.json has 450 MB, LVIS's training set 1.1 GB."""

MAX_COORDINATE: Final = 1e9
"""No coordinate in pixels, and no infinity."""

_read_lock = threading.Lock()


@dataclass(frozen=True)
class CocoImage:
    """An image of a COCO file.

    Attributes:
        size: width and height in pixels, as the file says.
        instances: id and segmentation of each annotation, unchecked.
    """

    size: tuple[int, int]
    instances: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])


class SegmentationFormatError(Exception):
    """A segmentation that is none; says why."""


def coco_inputs(path: Path) -> ShardInputs:
    """The file as what masks are made from: its content."""
    content = file_sha256(path)
    return ShardInputs((content,), {"coco": str(path.absolute()), "sha256": content})


def coco_mask(path: str, content: str, photograph: Photograph) -> Mask:
    """The instances of a photograph that lie in its box, united.

    Args:
        path: of the file.
        content: its SHA-256, as planned; the file is read once for each.
        photograph: its box is where the object is.

    Returns:
        ``(height, width) bool``.

    Raises:
        DropError: the file has no instance in the box, a malformed one, or an image of another size.
        RegroundError: the file is no COCO.
    """
    with _read_lock:
        images = _read(path, content)
    matches = images.get(photograph.image_id, [])
    if len(matches) != 1:
        problem = "several images are" if matches else "no image is"
        raise DropError(DropReason.MASK_MISSING, f"{problem} called {photograph.image_id} in {path}")
    width, height = matches[0].size
    if matches[0].size != (photograph.width, photograph.height):
        size = f"masks for {width} x {height}, the image is {photograph.width} x {photograph.height}"
        raise DropError(DropReason.MASK_SIZE_MISMATCH, size)
    return _union(matches[0], photograph)


def decode_segmentation(segmentation: Any, height: int, width: int) -> Mask:
    """A polygon list, run lengths or compressed run lengths as a mask, ``(height, width) bool``.

    Raises:
        SegmentationFormatError: it is none of the three, or one of another size.
    """
    if isinstance(segmentation, list):
        return _decode_polygons(segmentation, height, width)
    if not isinstance(segmentation, Mapping):
        raise SegmentationFormatError(f"expected polygons or run lengths, found {_preview(segmentation)}")
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise SegmentationFormatError(f"expected run lengths of size [{height}, {width}], found {_preview(size)}")
    if isinstance(counts, str):
        try:
            return decode_mask(counts, height, width)
        except RegroundError as error:
            raise SegmentationFormatError(
                f"compressed run lengths that are none of {height} x {width}: {_preview(counts)}"
            ) from error
    return _decode_runs(counts, height, width)


def parse_coco(content: bytes) -> dict[str, list[CocoImage]]:
    """The images of a COCO file by what they may be called: by path and by stem.

    Raises:
        ValueError: no JSON, or not COCO's layout; says where.
    """
    document = parse_json(content)
    by_path: dict[str, list[CocoImage]] = {}
    by_stem: dict[str, list[CocoImage]] = {}
    by_id: dict[int | str, CocoImage] = {}
    for number, image in enumerate(_list(document, "images")):
        location = f"images[{number}]"
        image_entry = CocoImage(_size(image, location))
        by_id[_id(image, "id", location)] = image_entry
        path, stem = candidate_ids(_name(image, location))
        by_path.setdefault(path, []).append(image_entry)
        by_stem.setdefault(stem, []).append(image_entry)
    for number, annotation in enumerate(_list(document, "annotations")):
        location = f"annotations[{number}]"
        image_id = _id(annotation, "image_id", location)
        if image_id not in by_id:
            raise ValueError(f"{location}: image_id {_preview(image_id)} is that of no image")
        by_id[image_id].instances.append((annotation.get("id", number), annotation.get("segmentation")))
    return by_stem | by_path


def _union(image: CocoImage, photograph: Photograph) -> Mask:
    union = np.zeros((photograph.height, photograph.width), np.bool_)
    xmin, ymin, xmax, ymax = photograph.box
    for name, segmentation in image.instances:
        try:
            mask = decode_segmentation(segmentation, photograph.height, photograph.width)
        except SegmentationFormatError as error:
            raise DropError(DropReason.MASK_FAILED, f"annotation {_preview(name)}: {error}") from error
        if mask[ymin:ymax, xmin:xmax].sum() >= MIN_SHARE_IN_BOX * mask.sum():
            union |= mask
    if not union.any():
        raise DropError(DropReason.MASK_MISSING, f"none of {len(image.instances)} instances lies in the box")
    return union


def _decode_polygons(polygons: list[Any], height: int, width: int) -> Mask:
    rings: list[list[float]] = []
    for ring in polygons:
        if not (isinstance(ring, list) and len(ring) >= 6 and len(ring) % 2 == 0 and all(map(_is_number, ring))):
            raise SegmentationFormatError(f"expected polygons of 3 or more x, y, found {_preview(ring)}")
        # Vertices far outside would cost memory by their distance; the mask ends at the image anyway.
        rings.append(np.clip(np.array(ring, np.float64).reshape(-1, 2), 0, (width, height)).ravel().tolist())
    if not rings:
        raise SegmentationFormatError("expected polygons, found none")
    return coco.decode(coco.merge(coco.frPyObjects(rings, height, width))).astype(np.bool_)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _decode_runs(counts: Any, height: int, width: int) -> Mask:
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= height * width for count in counts):
        raise SegmentationFormatError(f"expected run lengths from 0 to {height * width}, found {_preview(counts)}")
    if sum(counts) != height * width:
        raise SegmentationFormatError(f"run lengths of {sum(counts)} pixels, {width} x {height} has {height * width}")
    values = np.arange(len(counts)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, counts).reshape(width, height).T)


@functools.lru_cache(maxsize=1)
def _read(path: str, content: str) -> dict[str, list[CocoImage]]:
    try:
        return parse_coco(read_bytes(Path(path), MAX_COCO_BYTES))
    except (OSError, ValueError) as error:
        raise RegroundError(
            f"expected COCO's instances (images, annotations with a segmentation) in {path}: {error}. "
            "Write it again with the tool that made it, or supply a folder of PNG files."
        ) from error


def _list(document: Any, name: str) -> list[Any]:
    value = _get(document, name, "the top")
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list, found {_preview(value)}")
    return value


def _get(node: Any, key: str, location: str) -> Any:
    if not isinstance(node, Mapping) or key not in node:
        raise ValueError(f"{location}: expected an object with '{key}', found {_preview(node)}")
    return node[key]


def _id(node: Any, key: str, location: str) -> int | str:
    value = _get(node, key, location)
    if not isinstance(value, int | str):
        raise ValueError(f"{location}: expected a number or text as {key}, found {_preview(value)}")
    return value


def _size(image: Any, location: str) -> tuple[int, int]:
    width, height = (_get(image, key, location) for key in ("width", "height"))
    if not (type(width) is int and type(height) is int and width > 0 and height > 0):
        raise ValueError(
            f"{location}: expected a width and a height in pixels, found {_preview(width)}, {_preview(height)}"
        )
    return width, height


def _name(image: Any, location: str) -> str:
    name = _get(image, "file_name", location)
    if not (isinstance(name, str) and Path(name).name):
        raise ValueError(f"{location}: expected a file_name, found {_preview(name)}")
    return name


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MAX_COORDINATE < value < MAX_COORDINATE


def _preview(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, list | dict) else f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= 40 else f"{text[:40]}..."
