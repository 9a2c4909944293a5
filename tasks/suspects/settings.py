"""Settings of the step `suspects`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from annotated_types import Interval

from reground.tasks.workspace import FileAddress

DEFAULT: Final = ("label", "duplicate", "outlier")
"""Kinds that are found where nothing else is asked for."""


@dataclass(frozen=True)
class SuspectSettings:
    """Which suspects are found.

    Attributes:
        find: kinds to find; empty: those of label, duplicate and outlier whose tables exist.
        features: model whose features are compared; empty: the first with features, by name.
        against: other workspaces, such as one of a training set: images that occur there are suspects of the kind
            leak.
        out_of_sample: no model was trained on these photographs with these labels, so that confident learning may
            flag label errors in classes of five images and more.
        by: what poison is looked for in: each class (small classes by their groups), or each group.
        eps: largest share of poison expected in a class, at most a quarter.
    """

    find: tuple[str, ...] = ()
    features: str = ""
    against: tuple[FileAddress, ...] = ()
    out_of_sample: bool = False
    by: Literal["class", "group"] = "class"
    eps: Annotated[float, Interval(gt=0, le=0.25)] = 0.05
