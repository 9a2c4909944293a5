"""What a file of published labels holds: one entry a label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from reground.tasks.schema import BoxDict, DropReason


class Entry(NamedTuple):
    """One label of one image.

    Attributes:
        location: of the entry in its file, for messages.
        image: the image, as the file names it.
        label: its class, as the file names it; None: the file says that no label holds.
        confidence: 0 to 1; None: not published.
        box: in pixels; None: none, or not usable.
    """

    location: str
    image: str
    label: str | None
    confidence: float | None = None
    box: BoxDict | None = None


class Fault(NamedTuple):
    """Something in a file that is left out.

    Attributes:
        location: in the file.
        reason: from the closed list.
        detail: what came, and what was expected.
        image: whose labels are not all known because of it, as the file names it; None: no image's.
    """

    location: str
    reason: DropReason
    detail: str
    image: str | None = None


class Numbers(StrEnum):
    """What a number means where a class is expected."""

    IMAGENET = "imagenet"  # an index of ImageNet's classes
    WORKSPACE = "workspace"  # an index of the workspace's classes
    NONE = "none"  # nothing: the file has a numbering of its own, or names


@dataclass(frozen=True)
class PublishedLabels:
    """The content of a file.

    Attributes:
        entries: reads them; each call starts anew, and reports what it leaves out to its argument.
        numbers: what a class that is a number means.
        files: that were read.
        classes: further classes of the file's vocabulary, which may have no entry.
    """

    entries: Callable[[Callable[[Fault], None]], Iterable[Entry]]
    numbers: Numbers
    files: Sequence[Path]
    classes: list[str] = field(default_factory=list[str])
