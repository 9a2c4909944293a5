"""The steps with a model, on a drawn world and with small networks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from reground.flows.run.local import parse_runner, run_step
from reground.flows.run.progress import Silence
from reground.flows.settings import resolve
from reground.tasks.workspace import Workspace
from tests.support.curation import content, curate_here, curate_settings
from tests.support.small_models import timm_folder
from tests.support.world import CLASSES, make_world

STEPS = ("predict", "adversarial")


class ModelSteps(NamedTuple):
    """A workspace that lacks the steps with a model.

    Attributes:
        workspace: its folder.
        models: names of two.
        settings: of all steps.
    """

    workspace: Path
    models: tuple[str, ...]
    settings: dict[str, Any]

    def run(self, folder: Path, runner: str, watch: Silence | None = None, **overrides: Any) -> dict[str, str]:
        """Run the steps in a copy of the workspace; what `content` says of it."""
        shutil.copytree(self.workspace, folder)
        workspace = Workspace(folder)
        settings = {name: {**self.settings.get(name, {}), **overrides} for name in STEPS}
        resolved = resolve(workspace, {**self.settings, **settings}).settings
        for step in STEPS:
            run_step(step, workspace, resolved.of(step), parse_runner(runner), watch or Silence())
        workspace.sweep()  # a worker that was killed leaves what it was writing
        return content(folder)


class Interruption(Silence):
    """Something happens once, when the first shards are listed."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def advance(self, step: str, count: int) -> None:
        if self.action:
            action, self.action = self.action, None
            action()


def model_steps(folder: Path) -> ModelSteps:
    world = make_world(folder / "world", per_class=2)
    wnids = [wnid for wnid, _ in CLASSES.values()]
    names = tuple(timm_folder(folder / f"model{seed}", len(wnids), wnids, seed) for seed in range(2))
    settings = {
        **curate_settings(world),
        "predict": {"models": names, "on": ("photographs", "original")},
        "adversarial": {"models": names, "rows": 4},
    }
    curate_here(world, folder / "curated", "threads")
    return ModelSteps(folder / "curated", names, settings)
