"""Preprocessing as a string of operations, which is both the description and the program.

A string such as ``decode|resize_short(256, bicubic)|center_crop(224)|value_range(0, 1)|normalize(0.485 0.456
0.406, 0.229 0.224 0.225)`` is run from left to right by Pillow and numpy. The form is that of
google-research/big_vision; the rounding of sizes and offsets is torchvision's, which timm shares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from PIL import Image

from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import check_size

INTERPOLATIONS: Final = {method.name.lower(): method for method in Image.Resampling}

Operation = Callable[[Any], Any]


@dataclass(frozen=True)
class Preprocessing:
    """Operations in sequence, separated by ``|``, see `OPERATIONS`.

    Raises:
        UsageError: an unknown operation or interpolation, or wrong arguments.
    """

    spec: str

    def __post_init__(self) -> None:
        _ = self._operations

    @cached_property
    def _operations(self) -> list[Operation]:
        return [_parse(step) for step in self.spec.split("|")]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Turn an image into a network's input.

        Args:
            pixels: ``(H, W, 3) uint8`` RGB, of any size.

        Returns:
            ``(3, S, S) float32``.

        Raises:
            ImageError: an operation would make a picture of too many pixels, as of one that is wide and low.
        """
        value: Any = pixels
        for operation in self._operations:
            value = operation(value)
        return np.asarray(value, np.float32).transpose(2, 0, 1)


def _decode() -> Operation:
    return Image.fromarray


def _resize(size: str, interpolation: str) -> Operation:
    target, method = (int(size), int(size)), _interpolation(interpolation)
    return lambda image: image.resize(target, method)


def _resize_short(size: str, interpolation: str) -> Operation:
    short, method = int(size), _interpolation(interpolation)

    def resize(image: Image.Image) -> Image.Image:
        minimum = min(image.size)
        width, height = (short if side == minimum else int(short * side / minimum) for side in image.size)
        check_size(width, height)
        return image.resize((width, height), method)

    return resize


def _center_crop(size: str) -> Operation:
    side = int(size)

    def crop(image: Image.Image) -> Image.Image:
        left, top = (round((length - side) / 2) for length in image.size)
        return image.crop((left, top, left + side, top + side))

    return crop


def _value_range(low: str, high: str) -> Operation:
    start, span = np.float32(low), np.float32(high) - np.float32(low)
    return lambda image: np.asarray(image, np.float32) / np.float32(255) * span + start


def _normalize(mean: str, std: str) -> Operation:
    centre, scale = (np.array(values.split(), np.float32) for values in (mean, std))
    return lambda image: (np.asarray(image, np.float32) - centre) / scale


OPERATIONS: Final[dict[str, Callable[..., Operation]]] = {
    "decode": _decode,  # the input is decoded by reground.tasks.images.decode
    "resize": _resize,  # (side, interpolation): to a square, whatever the shape
    "resize_short": _resize_short,  # (short side, interpolation): keeps the aspect ratio
    "center_crop": _center_crop,  # (side)
    "value_range": _value_range,  # (low, high): what 0 and 255 become
    "normalize": _normalize,  # (means, standard deviations), each `red green blue`
}


def spec(*operations: str) -> str:
    """Join operations into one string."""
    return "|".join(operations)


def normalize(mean: Sequence[float], std: Sequence[float]) -> str:
    """The operation ``normalize``, its numbers as exact as given."""
    return f"normalize({' '.join(map(str, mean))}, {' '.join(map(str, std))})"


def parse_operation(step: str) -> tuple[str, list[str]]:
    """The name and the arguments of one operation.

    Examples:
        >>> parse_operation("resize(224, bicubic)")
        ('resize', ['224', 'bicubic'])
    """
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", step)
    name, arguments = match.groups() if match else (step, None)
    return name, arguments.split(", ") if arguments else []


def _parse(step: str) -> Operation:
    name, arguments = parse_operation(step)
    if name not in OPERATIONS:
        raise unknown("preprocessing", name, OPERATIONS)
    try:
        return OPERATIONS[name](*arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(f"preprocessing '{step}' is not valid: {error}") from error


def _interpolation(name: str) -> Image.Resampling:
    if name not in INTERPOLATIONS:
        raise unknown("interpolation", name, INTERPOLATIONS)
    return INTERPOLATIONS[name]
