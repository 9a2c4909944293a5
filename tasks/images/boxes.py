"""Boxes from ImageNet's XML (Pascal VOC's layout), put where the image as shown has them.

Coordinates are edges in pixels: a box covers ``xmin <= x < xmax``, ``ymin <= y < ymax``, so
``0 <= xmin < xmax <= width``. ImageNet's XML counts like this (its ``xmax`` reaches the width).

The file's ``<size>`` says which image it speaks of. ImageNet's speaks of the stored pixels; other
tools draw on the image as shown. For an EXIF-rotated photograph, whichever of the two sizes
``<size>`` equals is taken, the stored one where both do (a square, or half a turn).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from reground.tasks.schema import BoxDict, DropReason

MAX_BYTES: Final = 1_000_000
"""Larger box files are refused unparsed; ImageNet's have about 500 bytes."""

_NUMBER: Final = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)


class Box(NamedTuple):
    """Edges in pixels, as in the column ``boxes`` of ``images``."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int

    def to_dict(self) -> BoxDict:
        """The box as a value of a column."""
        return {"xmin": self.xmin, "ymin": self.ymin, "xmax": self.xmax, "ymax": self.ymax}


@dataclass(frozen=True)
class BoxFile:
    """What a box file says: the size of its image in pixels (width, height), and the boxes in it."""

    size: tuple[int, int]
    boxes: tuple[Box, ...]


class BoxError(Exception):
    """A box file that is not to be used: why, as a reason of the ``dropped`` table, and in words."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_boxes(content: bytes) -> BoxFile:
    """Read box XML. Only the box of an ``<object>`` counts, not those of its parts.

    Raises:
        BoxError: too large, no XML, entities in it, or not ImageNet's layout.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(content) > MAX_BYTES:
        raise _invalid(f"more than {MAX_BYTES:,} bytes")
    try:
        root = fromstring(content)
    except DefusedXmlException as error:
        raise _invalid(f"XML that declares entities or asks for other files: {type(error).__name__}") from error
    except (ParseError, ValueError, LookupError) as error:
        raise _invalid(f"no XML: {error}") from error
    if root.tag != "annotation":
        raise _invalid(f"expected <annotation> at the top, found <{root.tag[:40]}>")
    size = (_number(root, "size/width"), _number(root, "size/height"))
    return BoxFile(size, tuple(_box(thing) for thing in root.findall("object")))


def place_boxes(found: BoxFile, orientation: int, stored: tuple[int, int], shown: tuple[int, int]) -> list[Box]:
    """The boxes of an image as shown. One bad box spoils all: how many there are matters later.

    Args:
        found: the parsed file.
        orientation: EXIF orientation of the image, 1 to 8.
        stored: width and height in pixels, as stored in the file.
        shown: width and height in pixels, as shown (after EXIF rotation).

    Raises:
        BoxError: the file speaks of an image of another size, or a box leaves the image.
    """
    if found.size not in (stored, shown):
        raise BoxError(DropReason.BOX_SIZE_MISMATCH, f"box file says {_by(found.size)}, the image is {_by(shown)}")
    width, height = found.size
    for box in found.boxes:
        if not (0 <= box.xmin < box.xmax <= width and 0 <= box.ymin < box.ymax <= height):
            edges = ", ".join(f"{name} {value}" for name, value in box._asdict().items())
            raise BoxError(DropReason.BOX_OUTSIDE_IMAGE, f"{edges}: not a box inside {_by(found.size)}")
    if found.size == stored:
        return [turn_box(box, orientation, stored) for box in found.boxes]
    return list(found.boxes)


def turn_box(box: Box, orientation: int, stored: Sequence[int]) -> Box:
    """A box of the stored pixels (``stored``: width, height), where it lies in the image as shown.

    Examples:
        >>> turn_box(Box(0, 0, 10, 5), 6, (40, 20))  # a quarter turn clockwise: 20 wide, 40 high
        Box(xmin=15, ymin=0, xmax=20, ymax=10)
    """
    width, height = stored
    left, top, right, bottom = box
    if orientation in (2, 3, 7, 8):
        left, right = width - right, width - left
    if orientation in (3, 4, 6, 7):
        top, bottom = height - bottom, height - top
    return Box(top, left, bottom, right) if orientation >= 5 else Box(left, top, right, bottom)


def _box(thing: Element) -> Box:
    return Box(*(_number(thing, f"bndbox/{edge}") for edge in Box._fields))


def _number(parent: Element, path: str) -> int:
    text = (parent.findtext(path) or "").strip()
    if not _NUMBER.fullmatch(text):
        raise _invalid(f"expected a number of pixels in <{parent.tag}> at {path}, found '{text[:40]}'")
    return round(float(text))


def _invalid(detail: str) -> BoxError:
    return BoxError(DropReason.BOX_FILE_INVALID, detail)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
