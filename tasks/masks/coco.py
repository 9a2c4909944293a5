"""Masks from instances in COCO's JSON: polygons, run lengths, compressed run lengths.

Source: https://cocodataset.org/#format-data, and pycocotools, which defines what a polygon covers.

Each process reads the file once and keeps its segmentations: count on a few times the file's
size in memory. A folder of PNG files needs none.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from pycocotools import mask as coco

from reground.tasks.errors import RegroundError
from reground.tasks.files import ContentError, preview
from reground.tasks.images import DropError, Photograph
from reground.tasks.masks.coco_file import CocoFile, CocoImage, parse_coco, whole
from reground.tasks.masks.rle import decode_mask, mask_of_runs
from reground.tasks.masks.source import Mask, PartialMask, ShardInputs, file_sha256
from reground.tasks.schema import DropReason
from reground.tasks.storage import read_uri

MIN_SHARE_IN_BOX: Final = 0.5
"""An instance with a smaller share of itself in the box is another object's."""

MAX_COCO_BYTES: Final = 2_000_000_000
"""Of a file: COCO's instances_train2017.json has 450 MB, LVIS's training set 1.1 GB."""

MAX_COORDINATE: Final = 1e9
"""No coordinate in pixels, and no infinity."""

MAX_OUTLINE: Final = 10_000_000
"""Pixels around the polygons of an instance; pycocotools takes 50 bytes for each, and crashes where it gets none."""

log = logging.getLogger(__name__)

_read_lock = threading.Lock()


MAX_LISTED: Final = 3
"""Problems that a message lists."""


class SegmentationFormatError(Exception):
    """A segmentation that is none; says why."""


def coco_inputs(uri: str) -> ShardInputs:
    """The file as what masks are made from: its content.

    Args:
        uri: full path, or URL.

    Raises:
        RegroundError: it cannot be read.
    """
    content = file_sha256(uri)
    return ShardInputs((content,), {"coco": uri, "sha256": content})


def coco_mask(uri: str, content: str, photograph: Photograph) -> Mask | PartialMask:
    """The usable instances of a photograph that lie in its box, united.

    Args:
        uri: of the file.
        content: its SHA-256, as planned; the file is read once for each.
        photograph: its box is where the object is.

    Returns:
        ``(height, width) bool``.

    Raises:
        DropError: the file has no usable instance in the box, or an image of another size.
        RegroundError: the file is no COCO.
    """
    with _read_lock:
        images = _read(uri, content).images
    matches = images.get(photograph.image_id, [])
    if len(matches) != 1:
        problem = "several images are" if matches else "no image is"
        raise DropError(DropReason.MASK_MISSING, f"{problem} called {photograph.image_id} in {uri}")
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
        raise SegmentationFormatError(f"expected polygons or run lengths, found {preview(segmentation)}")
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise SegmentationFormatError(f"expected run lengths of size [{height}, {width}], found {preview(size)}")
    if isinstance(counts, str):
        try:
            return decode_mask(counts, height, width)
        except RegroundError as error:
            raise SegmentationFormatError(
                f"compressed run lengths that are none of {height} x {width}: {preview(counts)}"
            ) from error
    return _decode_runs(counts, height, width)


def _union(image: CocoImage, photograph: Photograph) -> Mask | PartialMask:
    union = np.zeros((photograph.height, photograph.width), np.bool_)
    xmin, ymin, xmax, ymax = photograph.box
    problems: list[str] = []
    for name, segmentation in image.instances:
        try:
            mask = decode_segmentation(segmentation, photograph.height, photograph.width)
        except SegmentationFormatError as error:
            problems.append(f"annotation {preview(name)}: {error}")
            continue
        if mask[ymin:ymax, xmin:xmax].sum() >= MIN_SHARE_IN_BOX * mask.sum():
            union |= mask
    if not union.any():
        if problems:
            raise DropError(DropReason.MASK_FAILED, "; ".join(problems[:MAX_LISTED]))
        raise DropError(DropReason.MASK_MISSING, f"none of {len(image.instances)} instances lies in the box")
    return PartialMask(union, tuple(dict.fromkeys(problems))) if problems else union


def _decode_polygons(polygons: list[Any], height: int, width: int) -> Mask:
    rings: list[list[float]] = []
    outline = 0.0
    for ring in polygons:
        if not (isinstance(ring, list) and len(ring) >= 6 and len(ring) % 2 == 0 and all(map(_is_number, ring))):
            raise SegmentationFormatError(f"expected polygons of 3 or more x, y, found {preview(ring)}")
        # Vertices far outside would cost memory by their distance; the mask ends at the image anyway.
        vertices = np.clip(np.array(ring, np.float64).reshape(-1, 2), 0, (width, height))
        outline += float(np.abs(vertices - np.roll(vertices, 1, axis=0)).max(axis=1).sum())
        rings.append(vertices.ravel().tolist())
    if not rings:
        raise SegmentationFormatError("expected polygons, found none")
    if outline > MAX_OUTLINE:
        raise SegmentationFormatError(f"expected an outline of at most {MAX_OUTLINE:,} pixels, found {outline:,.0f}")
    return coco.decode(coco.merge(coco.frPyObjects(rings, height, width))).astype(np.bool_)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _decode_runs(counts: Any, height: int, width: int) -> Mask:
    runs = [whole(count) for count in counts] if isinstance(counts, list) else [None]
    if not all(run is not None and 0 <= run <= height * width for run in runs):
        raise SegmentationFormatError(f"expected run lengths from 0 to {height * width}, found {preview(counts)}")
    try:
        return mask_of_runs([run for run in runs if run is not None], height, width)
    except ValueError as error:
        raise SegmentationFormatError(str(error)) from error


@functools.lru_cache(maxsize=1)
def _read(uri: str, content: str) -> CocoFile:
    try:
        coco_file = parse_coco(_bytes(uri))
    except (OSError, ValueError) as error:
        raise RegroundError(
            f"expected COCO's instances (images, annotations with a segmentation) in {uri}: {error}. "
            "Write it again with the tool that made it, or supply a folder of PNG files."
        ) from error
    if coco_file.problems:
        first = "; ".join(coco_file.problems[:MAX_LISTED])
        log.warning("%s: %d images and annotations cannot be used; first: %s", uri, len(coco_file.problems), first)
    return coco_file


def _bytes(uri: str) -> bytes:
    content = read_uri(uri, MAX_COCO_BYTES + 1)
    if len(content) > MAX_COCO_BYTES:
        raise ContentError(f"over {MAX_COCO_BYTES:,} bytes, the limit for such a file")
    return content


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MAX_COORDINATE < value < MAX_COORDINATE
