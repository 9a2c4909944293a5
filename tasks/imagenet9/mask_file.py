"""Read the foreground masks of the released layout: ``.npy`` files, which are never unpickled."""

from __future__ import annotations

import io

import numpy as np

from reground.tasks.files import ContentError, read_npy_header
from reground.tasks.images import DropError
from reground.tasks.schema import DropReason


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
    stream = io.BytesIO(content)
    try:
        header = read_npy_header(stream)
    except ContentError as error:
        raise DropError(DropReason.MASK_FAILED, str(error)) from error
    shape, dtype, start = header.shape, header.dtype, stream.tell()
    if shape != (size, size):
        raise DropError(DropReason.MASK_SIZE_MISMATCH, f"an array of shape {shape}, expected {(size, size)}")
    if dtype.hasobject or dtype.kind not in "buif":
        raise DropError(DropReason.MASK_FAILED, f"an array of {dtype}, expected numbers or booleans")
    if len(content) - start < size * size * dtype.itemsize:
        raise DropError(DropReason.MASK_FAILED, f"truncated: {len(content):,} bytes")
    values = np.frombuffer(content, dtype, size * size, start).reshape(shape, order="F" if header.fortran else "C")
    if not ((values == 0) | (values == 1)).all():
        raise DropError(DropReason.MASK_FAILED, "values other than 0 and 1")
    return values == 1
