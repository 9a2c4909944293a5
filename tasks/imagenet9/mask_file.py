"""The foreground masks of the released layout: NumPy arrays in files, which are never unpickled."""

from __future__ import annotations

import io

import numpy as np

from reground.tasks.images import DropError
from reground.tasks.schema import DropReason

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_mask(content: bytes, size: int) -> np.ndarray:
    """The mask in the bytes of a ``.npy`` file, ``(size, size) bool``.

    The header is held against what is expected before a value is read, so that a file that claims
    to hold more than it does costs nothing.

    Args:
        content: the file: an array of numbers or truth values that are all 0 or 1.
        size: side in pixels.

    Raises:
        DropError: no array, one of objects, of another shape, or with other values.
    """
    shape, fortran, dtype, start = _header(content)
    if shape != (size, size):
        raise DropError(DropReason.MASK_SIZE_MISMATCH, f"an array of shape {shape}, expected {(size, size)}")
    if dtype.hasobject or dtype.kind not in "buif":
        raise DropError(DropReason.MASK_FAILED, f"an array of {dtype}, expected numbers or truth values")
    if len(content) - start < size * size * dtype.itemsize:
        raise DropError(DropReason.MASK_FAILED, f"cut short: {len(content):,} bytes")
    values = np.frombuffer(content, dtype, size * size, start).reshape(shape, order="F" if fortran else "C")
    if not ((values == 0) | (values == 1)).all():
        raise DropError(DropReason.MASK_FAILED, "values other than 0 and 1")
    return values == 1


def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, whether columns come first, type, and where the values begin."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = _HEADERS[version](file)
    except Exception as error:  # NumPy parses the header as Python, and raises whatever that trips over
        raise DropError(DropReason.MASK_FAILED, f"not an array as NumPy saves them: {error}"[:200]) from error
    return shape, fortran, dtype, file.tell()
