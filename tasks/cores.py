"""How many CPU cores this process may use, and how its threads wait for work."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OVERRIDES: Final = ("PYTHON_CPU_COUNT", "OMP_NUM_THREADS")
"""Environment variables that set the number of cores; the first that holds a number counts."""


def cores() -> int:
    """The number of CPU cores to use, at least 1.

    That is the value of `OVERRIDES` where the caller sets one; otherwise the least of the CPU affinity and the
    quotas of the container (control groups v1 and v2), rounded down.
    """
    for name in OVERRIDES:
        first = os.environ.get(name, "").split(",")[0].strip()  # OpenMP takes a list, one number a nesting level
        if first.isdecimal() and int(first) > 0:
            return int(first)
    return max(1, math.floor(min([_affinity(), *quotas()])))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS has no affinity


def quotas(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> Iterator[float]:
    """The CPU quotas of this process's control groups and of their parents, in cores.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (``cpu.max``) and
    https://docs.kernel.org/scheduler/sched-bwc.html (``cpu.cfs_quota_us``).

    Args:
        root: where control groups are mounted.
        membership: lines ``ID:CONTROLLERS:PATH``; version 2 names no controllers.
    """
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = membership.read_text().splitlines()
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:
            for folder in _upwards(root, path):
                yield from _quota(folder, ("cpu.max",))
        elif "cpu" in controllers.split(","):
            for folder in _upwards(root / "cpu", path):
                yield from _quota(folder, ("cpu.cfs_quota_us", "cpu.cfs_period_us"))


def _upwards(base: Path, path: str) -> Iterator[Path]:
    """The group's folder and those of its parents; in a container the path may not exist below ``base``."""
    folder = base / path.strip("/")
    yield folder
    while folder != base and folder != folder.parent:
        folder = folder.parent
        yield folder


def _quota(folder: Path, names: tuple[str, ...]) -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        limit, period = (int(word) for word in " ".join((folder / name).read_text() for name in names).split())
        if limit > 0 and period > 0:
            yield limit / period


def wait_passively() -> None:
    """Let OpenMP threads sleep while they wait, unless the caller says otherwise.

    Spinning beside a busy neighbour multiplies CPU time. OpenMP reads the setting once, when it is loaded:
    call this before anything imports torch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
