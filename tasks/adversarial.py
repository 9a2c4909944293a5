"""Adversarial: foregrounds x backgrounds -> which backgrounds fool a model on which foregrounds."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.step import Shard, Step
from tasks.store import Output, Workspace


@dataclass(frozen=True)
class AdversarialSettings:
    """Which models are searched, and how far.

    Attributes:
        models: names, see `tasks.models`; empty: those that have predicted.
        exhaustive: every foreground on every background, not only until its verdict is known.
        batch_size: composites in a forward pass, 0: what suits the device.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        rows: foregrounds in a shard of the exhaustive search: what a crash may cost.
    """

    models: tuple[str, ...] = ()
    exhaustive: bool = False
    batch_size: int = 0
    device: str = "auto"
    rows: int = 16


def plan(workspace: Workspace, settings: AdversarialSettings) -> list[Shard]:
    raise NotImplementedError


def work(workspace: Workspace, settings: AdversarialSettings, shard: Shard) -> Output:
    raise NotImplementedError


STEP = Step("adversarial", 1, AdversarialSettings, plan, work, parallel=False)
