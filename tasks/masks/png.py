"""The foreground of a mask in a PNG file.

- with an alpha channel that hides something: what is at least half opaque (a cut-out);
- grey, with a palette or without: 1 of 0 and 1, the brightest of 0 and 255, or the brighter half of a mask
  between the two with soft edges. Other values may be those of a label map: which of them is the
  foreground has to be set;
- coloured, with a palette or without: all but black and the beige that PASCAL VOC paints around objects.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image

from reground.tasks.images import DropError, without_texts
from reground.tasks.masks.source import Mask
from reground.tasks.schema import DropReason

VOID: Final = (224, 224, 192)
"""PASCAL VOC's colour for "not judged"."""
BY_VALUES: Final = -1
"""As the value of the foreground: the values themselves say which it is."""
MAX_LISTED: Final = 6
"""Grey values that a message lists."""

MAX_BETWEEN: Final = 0.25
"""Of a mask with soft edges, the largest share of pixels that are neither dark nor bright."""
MAX_LEVEL: Final = 0.05
"""The largest share of pixels of one value between dark and bright: a larger one is a label of its own."""
MIN_BRIGHT_LEVELS: Final = 3
"""A label map has one bright value at most: 255, for what is not judged."""


def read_png(content: bytes, width: int, height: int, foreground_value: int = BY_VALUES) -> Mask:
    """The foreground of a PNG file.

    Args:
        content: the whole file.
        width: of the photograph, in pixels.
        height: of the photograph, in pixels.
        foreground_value: grey value, or index into the palette, of the foreground.

    Returns:
        ``(height, width) bool``.

    Raises:
        DropError: no PNG, damaged, of another size than the photograph, or without values that say what the
            foreground is.
        MemoryError: it does not fit into memory.
    """
    if not content:
        raise DropError(DropReason.EMPTY_FILE, "a mask of 0 bytes")
    content = without_texts(content)  # Pillow refuses long ones, and takes them for damage
    try:
        image = Image.open(io.BytesIO(content), formats=("PNG",))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they trip over
        raise DropError(DropReason.NOT_AN_IMAGE, f"a mask that is no PNG: {len(content):,} bytes") from error
    with image:
        # Before a pixel is decoded: a mask of its photograph's size is no decompression bomb.
        if image.size != (width, height):
            detail = f"a mask of {image.size[0]} x {image.size[1]}, its image is {width} x {height}"
            raise DropError(DropReason.MASK_SIZE_MISMATCH, detail)
        try:
            image.load()
            return _foreground(image) if foreground_value == BY_VALUES else _with_value(image, foreground_value)
        except (DropError, MemoryError):
            raise
        except Exception as error:  # as above
            raise DropError(DropReason.TRUNCATED, f"a mask cut short or damaged: {error}") from error


def _with_value(image: Image.Image, foreground_value: int) -> Mask:
    if image.mode in ("RGB", "RGBA"):
        colours = np.asarray(image)[..., :3]
        if not (colours == colours[..., :1]).all():
            detail = f"a mask in colours has no value {foreground_value}: leave --foreground-value out"
            raise DropError(DropReason.MASK_AMBIGUOUS, detail)
        return colours[..., 0] == foreground_value
    values = np.asarray(image)
    return (values[..., 0] if image.mode == "LA" else values) == foreground_value


def _foreground(image: Image.Image) -> Mask:
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        if alpha.min() < 255:
            return alpha >= 128
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _brighter(np.asarray(image), 65535)
    colours = np.asarray(image.convert("RGB"))
    if (colours == colours[..., :1]).all():
        return _brighter(colours[..., 0], 255)
    return colours.any(axis=2) & (colours != VOID).any(axis=2)


def _brighter(values: np.ndarray, white: int) -> Mask:
    """The foreground of grey values, from 0 to ``white``."""
    counts = np.bincount(values.ravel(), minlength=2)
    levels = np.flatnonzero(counts)
    if levels[-1] <= 1:
        return values > 0
    # 16 bits a pixel may still hold 0 to 255.
    top = 255 if levels[-1] <= 255 else white
    if set(levels.tolist()) <= {0, top} or _has_soft_edges(levels, counts[levels] / values.size, top):
        return values > top // 2
    raise DropError(
        DropReason.MASK_AMBIGUOUS,
        f"grey values {_listing(levels)} do not say which is the foreground: give --foreground-value N, "
        f"or write 0 and {top}",
    )


def _has_soft_edges(levels: np.ndarray, shares: np.ndarray, top: int) -> bool:
    """Whether the values are those of one object with soft edges, and not the numbers of several.

    Args:
        levels: the values, ascending.
        shares: of the pixels of each, 0 to 1.
        top: the brightest possible value.
    """
    dark, bright = top // 16, top - top // 16
    between = shares[(levels > dark) & (levels < bright)]
    return bool(
        levels[0] <= dark
        and levels[-1] >= bright
        and (levels > top // 2).sum() >= MIN_BRIGHT_LEVELS
        and between.sum() <= MAX_BETWEEN
        and between.max(initial=0) <= MAX_LEVEL
    )


def _listing(levels: np.ndarray) -> str:
    rest = len(levels) - MAX_LISTED
    return ", ".join(map(str, levels[:MAX_LISTED].tolist())) + (f" and {rest} more" if rest > 0 else "")
