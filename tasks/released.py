"""Released: a folder in the layout of the released ImageNet-9 data -> the tables that variants are."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.step import Shard, Step
from tasks.store import Output, Workspace


@dataclass(frozen=True)
class ReleasedSettings:
    """Where the data lie.

    Attributes:
        folder: with ``original/val/00_dog/*.JPEG`` and its siblings, ``fg_mask`` among them.
    """

    folder: str = ""


def plan(workspace: Workspace, settings: ReleasedSettings) -> list[Shard]:
    raise NotImplementedError


def work(workspace: Workspace, settings: ReleasedSettings, shard: Shard) -> Output:
    raise NotImplementedError


STEP = Step("released", 1, ReleasedSettings, plan, work)
