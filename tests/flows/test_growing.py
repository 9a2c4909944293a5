"""A set that grows or shrinks: what is made again, and that the workspace is as one made at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reground.flows.run import run_step
from reground.tasks.images import IndexSettings
from reground.tasks.masks import MaskSettings
from reground.tasks.workspace import StepPlan, Workspace
from tests.support.masks_world import TWO_THREADS, quiet
from tests.support.world import World

SIZE = 3
STEPS = ("index", "masks")


def curate(folder: Path, name: str, subset: World) -> tuple[Workspace, dict[str, StepPlan]]:
    workspace = Workspace(folder / name)
    settings = {
        "index": IndexSettings(str(subset.images), str(subset.boxes), shard_size=SIZE),
        "masks": MaskSettings(),
    }
    plans = {step: run_step(step, workspace, settings[step], TWO_THREADS, quiet(folder)) for step in STEPS}
    return workspace, plans


def tables(workspace: Workspace) -> dict[str, bytes]:
    root = Path(workspace.url) / "tables"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.parquet")}


def photographs(subset: World) -> list[Path]:
    return sorted(subset.images.rglob("*.png"))


@pytest.fixture
def subset(world: World, tmp_path: Path) -> World:
    """Photographs that a test may add, change and remove."""
    shutil.copytree(world.images, tmp_path / "images")
    return World(tmp_path / "images", world.boxes, world.masks, world.labels)


def test_a_photograph_more_or_less_makes_one_shard_of_each_step_again(subset: World, tmp_path: Path) -> None:
    at_once, _ = curate(tmp_path, "at_once", subset)
    whole = tables(at_once)
    for number, path in enumerate(photographs(subset)[::8]):
        path.rename(tmp_path / "aside.png")
        growing, _ = curate(tmp_path, f"growing{number}", subset)
        smaller = tables(growing)
        (tmp_path / "aside.png").rename(path)
        _, plans = curate(tmp_path, f"growing{number}", subset)
        assert tables(growing) == whole
        for plan in plans.values():
            assert 1 <= sum(shard.size for shard in plan.missing) <= SIZE + 1
        path.rename(tmp_path / "aside.png")
        _, plans = curate(tmp_path, f"growing{number}", subset)
        assert tables(growing) == smaller
        assert all(len(plan.missing) <= 1 for plan in plans.values())
        (tmp_path / "aside.png").rename(path)


def test_a_changed_photograph_makes_one_shard_of_each_step_again(subset: World, tmp_path: Path) -> None:
    growing, _ = curate(tmp_path, "growing", subset)
    one, other = photographs(subset)[:2]
    shutil.copy(other, one)
    _, plans = curate(tmp_path, "growing", subset)
    assert [len(plan.missing) for plan in plans.values()] == [1, 1]
    at_once, _ = curate(tmp_path, "at_once", subset)
    assert tables(growing) == tables(at_once)
