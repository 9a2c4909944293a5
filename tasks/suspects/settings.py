"""Settings of the step `suspects`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reground.tasks.workspace import FileAddress

DEFAULT: Final = ("label", "duplicate")
"""Kinds that are found where nothing else is asked for."""


@dataclass(frozen=True)
class SuspectSettings:
    """Which suspects are found.

    Attributes:
        find: kinds to find; empty: those of label and duplicate whose tables exist.
        features: model whose features are compared; empty: the first with features, by name.
        against: other workspaces, such as one of a training set: images that occur there are suspects of the kind
            leak.
        out_of_sample: no model was trained on these photographs with these labels, so that confident learning may
            flag label errors in classes of five images and more.
    """

    find: tuple[str, ...] = ()
    features: str = ""
    against: tuple[FileAddress, ...] = ()
    out_of_sample: bool = False
