"""Memory that this machine does not have, in whatever way a library says so."""

from __future__ import annotations

from typing import Final

_OPENCV_NO_MEMORY: Final = -4
"""``cv2.Error.StsNoMem``, https://docs.opencv.org/4.x/d1/d0d/namespacecv_1_1Error.html."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory is short.

    OpenCV has no MemoryError: its error has a code, or only the text of C++'s own exception.

    Examples:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("std::bad_alloc"))
        (True, False)
    """
    if isinstance(error, MemoryError):
        return True
    is_opencv = (type(error).__module__, type(error).__name__) == ("cv2", "error")
    return is_opencv and (getattr(error, "code", None) == _OPENCV_NO_MEMORY or "bad_alloc" in str(error))
