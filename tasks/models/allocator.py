"""Let the C library keep the memory that a forward pass frees, for the next one.

glibc gives every freed block over 32 MiB back to the system at once, and gets it again zeroed
page by page: on 2 CPU cores half of a pass at batch 32 went there (benchmarks/predict.py,
``keep_memory``). Threads keep nothing in arenas of their own, so all share one.
Source: mallopt(3), M_MMAP_MAX, M_TRIM_THRESHOLD and M_ARENA_MAX.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_KEPT = 1 << 30


@functools.cache
def keep_memory() -> bool:
    """Keep up to 1 GiB of freed memory in this process. False where the C library has no such switch."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _KEPT) and mallopt(_M_ARENA_MAX, 1))
    return False
