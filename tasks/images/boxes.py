"""Read boxes from ImageNet's XML (the Pascal VOC layout) and map them to the upright image.

Coordinates are edges in pixels: a box covers ``xmin <= x < xmax``, ``ymin <= y < ymax``, so
``0 <= xmin < xmax <= width``. ImageNet's XML uses the same convention (its ``xmax`` reaches the width).

ImageNet's boxes refer to the stored pixels; other tools (LabelImg from 1.8.4, CVAT) annotate the upright
image. For an image with an EXIF rotation, the file's ``<size>`` decides which of the two it is, unless it
matches both (a square, or a rotation by 180 degrees): then the boxes refer to the stored pixels, and the
file is reported. A setting replaces this rule.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from reground.tasks.schema import BoxDict, DropReason

MAX_BYTES: Final = 1_000_000
"""Larger box files are rejected before parsing; ImageNet's have about 500 bytes."""

MAX_COORDINATE: Final = 1e9
"""No coordinate in pixels is as large."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

BoxOrientation = Literal["auto", "stored", "shown"]
"""Which pixels boxes refer to: by the file's size, those stored, or those shown after EXIF rotation."""


class Box(NamedTuple):
    """A box: edges in pixels of the upright image, as in the column ``boxes`` of ``images``."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int

    def to_dict(self) -> BoxDict:
        """The box as a value of a column."""
        return {"xmin": self.xmin, "ymin": self.ymin, "xmax": self.xmax, "ymax": self.ymax}


@dataclass(frozen=True)
class BoxFile:
    """The content of a box file.

    Attributes:
        size: width and height of the image in pixels.
        boxes: one for each object.
        names: of the objects, in the same order.
    """

    size: tuple[int, int]
    boxes: tuple[Box, ...]
    names: tuple[str, ...] = ()

    def select(self, names: Collection[str]) -> BoxFile:
        """The file with only the objects of some names."""
        kept = [(box, name) for box, name in zip(self.boxes, self.names, strict=True) if name in names]
        return BoxFile(self.size, tuple(box for box, _ in kept), tuple(name for _, name in kept))


class BoxError(Exception):
    """A box file that cannot be used: a reason code of the table ``dropped`` and a message."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_boxes(content: bytes) -> BoxFile:
    """Parse a box file. Reads the box of each ``<object>``, not the boxes of its parts.

    Raises:
        BoxError: the file is too large, is not XML, declares entities, or has another layout.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(content) > MAX_BYTES:
        raise _invalid(f"more than {MAX_BYTES:,} bytes")
    try:
        root = fromstring(content)
    except DefusedXmlException as error:
        raise _invalid(f"XML that declares entities or references other files: {type(error).__name__}") from error
    except (ParseError, ValueError, LookupError) as error:
        raise _invalid(f"not XML: {error}") from error
    if root.tag != "annotation":
        raise _invalid(f"expected <annotation> at the top, found <{root.tag[:40]}>")
    size = (_number(root, "size/width"), _number(root, "size/height"))
    objects = root.findall("object")
    names = tuple((node.findtext("name") or "").strip() for node in objects)
    return BoxFile(size, tuple(map(_box, objects)), names)


def place_boxes(
    box_file: BoxFile,
    orientation: int,
    stored_size: tuple[int, int],
    size: tuple[int, int],
    refer_to: BoxOrientation = "auto",
) -> list[Box]:
    """Map boxes to the upright image. One invalid box rejects the file, because later steps count the boxes.

    Args:
        box_file: the parsed file.
        orientation: EXIF orientation of the image, 1 to 8.
        stored_size: width and height in pixels, before EXIF rotation.
        size: width and height in pixels, after EXIF rotation.
        refer_to: the pixels that the boxes refer to.

    Raises:
        BoxError: the file is for an image of another size, or a box exceeds the image.
    """
    sizes = {"auto": (stored_size, size), "stored": (stored_size,), "shown": (size,)}[refer_to]
    if box_file.size not in sizes:
        detail = f"box file says {_format_size(box_file.size)}, the image is {_format_size(size)}"
        raise BoxError(DropReason.BOX_SIZE_MISMATCH, detail)
    width, height = box_file.size
    for box in box_file.boxes:
        if not (0 <= box.xmin < box.xmax <= width and 0 <= box.ymin < box.ymax <= height):
            edges = ", ".join(f"{name} {value}" for name, value in box._asdict().items())
            raise BoxError(DropReason.BOX_OUTSIDE_IMAGE, f"{edges}: not a box inside {_format_size(box_file.size)}")
    if box_file.size == stored_size and refer_to != "shown":
        return [orient_box(box, orientation, stored_size) for box in box_file.boxes]
    return list(box_file.boxes)


def is_unclear(box_file: BoxFile, orientation: int, stored_size: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether the size does not say which pixels the boxes refer to, and the boxes differ between the two.

    Args:
        box_file: as for `place_boxes`.
        orientation: as for `place_boxes`.
        stored_size: as for `place_boxes`.
        size: as for `place_boxes`.
    """
    if not stored_size == size == box_file.size:
        return False
    return any(orient_box(box, orientation, stored_size) != box for box in box_file.boxes)


def orient_box(box: Box, orientation: int, stored_size: Sequence[int]) -> Box:
    """Map a box from the stored pixels to the upright image.

    Args:
        box: edges in the stored pixels.
        orientation: EXIF orientation, 1 to 8.
        stored_size: width and height in pixels, before EXIF rotation.

    Examples:
        >>> orient_box(Box(0, 0, 10, 5), 6, (40, 20))  # 90 degrees clockwise: 20 wide, 40 high
        Box(xmin=15, ymin=0, xmax=20, ymax=10)
    """
    width, height = stored_size
    left, top, right, bottom = box
    if orientation in (2, 3, 7, 8):
        left, right = width - right, width - left
    if orientation in (3, 4, 6, 7):
        top, bottom = height - bottom, height - top
    return Box(top, left, bottom, right) if orientation >= 5 else Box(left, top, right, bottom)


def is_number(text: str) -> bool:
    """Whether a text is a coordinate: any number of digits and decimals, with an exponent or without.

    Examples:
        >>> is_number("1.6e+01"), is_number("nan"), is_number("1e400")
        (True, False, False)
    """
    return bool(_NUMBER.fullmatch(text)) and abs(float(text)) < MAX_COORDINATE


def _box(node: Element) -> Box:
    return Box(*(_number(node, f"bndbox/{edge}") for edge in Box._fields))


def _number(parent: Element, path: str) -> int:
    text = (parent.findtext(path) or "").strip()
    if not is_number(text):
        raise _invalid(f"expected a number of pixels in <{parent.tag}> at {path}, found '{text[:40]}'")
    return round(float(text))


def _invalid(detail: str) -> BoxError:
    return BoxError(DropReason.BOX_FILE_INVALID, detail)


def _format_size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
