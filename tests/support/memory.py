"""Want of memory, as the libraries say it."""

from __future__ import annotations

import cv2


def _insufficient_memory() -> cv2.error:
    error = cv2.error("OpenCV(4): error: (-4:Insufficient memory) Failed to allocate 2500000000 bytes")
    error.code = cv2.Error.StsNoMem
    return error


SHORTAGES = (MemoryError, _insufficient_memory, lambda: cv2.error("std::bad_alloc"))
"""Each makes an exception."""
