"""Read the foreground masks of the released layout: ``.npy`` files, which are never unpickled."""

from __future__ import annotations

import io

import numpy as np

from reground.tasks.images import DropError
from reground.tasks.schema import DropReason

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_mask(content: bytes, size: int) -> np.ndarray:
    """Read the mask in the bytes of a ``.npy`` file.

    The header is checked before any value is read, so a wrong size in it allocates no memory.

    Args:
        content: the whole file: an array of numbers or booleans, all 0 or 1.
        size: side in pixels.

    Returns:
        ``(size, size) bool``.

    Raises:
        DropError: the file is not an array, or has another shape, objects, or other values.
    """
    shape, fortran, dtype, start = _header(content)
    if shape != (size, size):
        raise DropError(DropReason.MASK_SIZE_MISMATCH, f"an array of shape {shape}, expected {(size, size)}")
    if dtype.hasobject or dtype.kind not in "buif":
        raise DropError(DropReason.MASK_FAILED, f"an array of {dtype}, expected numbers or booleans")
    if len(content) - start < size * size * dtype.itemsize:
        raise DropError(DropReason.MASK_FAILED, f"truncated: {len(content):,} bytes")
    values = np.frombuffer(content, dtype, size * size, start).reshape(shape, order="F" if fortran else "C")
    if not ((values == 0) | (values == 1)).all():
        raise DropError(DropReason.MASK_FAILED, "values other than 0 and 1")
    return values == 1


def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, whether the order is Fortran's, dtype, and the offset of the values."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = _HEADERS[version](file)
    except Exception as error:  # NumPy evaluates the header as Python, which raises exceptions of many types
        raise DropError(DropReason.MASK_FAILED, f"not a NumPy array file: {error}"[:200]) from error
    return shape, fortran, dtype, file.tell()
