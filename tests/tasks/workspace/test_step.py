"""A step's shards are done when, and only when, the manifest lists them under the same key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from reground.tasks.workspace import Output, Workspace
from reground.tasks.workspace.planning import finish, todo
from reground.tasks.workspace.step import Shard, Step, retire, run_shard


@dataclass(frozen=True)
class Toy:
    seed: int = 0
    shards: int = 3
    batch_size: int = 8


def plan(workspace: Workspace, settings: Toy) -> list[Shard]:
    return [Shard(f"{number:04d}", (f"input {number}",)) for number in range(settings.shards)]


def work(workspace: Workspace, settings: Toy, shard: Shard) -> Output:
    row = {"stage": "toy", "item": shard.id, "reason": "no_box", "detail": str(settings.seed)}
    return Output({"dropped": [row]})


STEP = Step("toy", 1, Toy, plan, work, execution_only=frozenset({"batch_size"}))


def run(workspace: Workspace, step: Step[Toy] = STEP, settings: Toy = Toy()) -> list[str]:
    found = todo(step, workspace, settings)
    retire(step, workspace, found)
    for shard in found.missing:
        run_shard(step, workspace, settings, shard)
    finish(step, workspace, found)
    return [shard.id for shard in found.missing]


def test_done_work_is_not_done_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert run(workspace) == ["0000", "0001", "0002"]
    assert run(workspace) == []
    assert run(workspace, settings=Toy(batch_size=99)) == []


def test_other_settings_version_or_inputs_are_other_work(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace)
    assert run(workspace, settings=Toy(seed=1)) == ["0000", "0001", "0002"]
    assert set(workspace.read("dropped")["detail"]) == {"1"}
    assert run(workspace, replace(STEP, version=2), Toy(seed=1)) == ["0000", "0001", "0002"]
    changed = replace(STEP, version=2, plan=lambda w, s: [replace(x, inputs=("new",)) for x in plan(w, s)[:1]])
    assert run(workspace, changed, Toy(seed=1)) == ["0000"]


def test_the_manifest_says_by_which_settings_a_step_was_made(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.settings_of("toy") == {}
    run(workspace, settings=Toy(seed=3, batch_size=99))
    assert workspace.settings_of("toy") == {"seed": 3, "shards": 3}  # the batch size changes no row
    run_shard(STEP, workspace, Toy(seed=4), Shard("0001", ()))
    assert workspace.settings_of("toy") == {}  # killed half way: not made by one set of settings


def test_hints_say_where_files_lie_and_are_not_in_the_key(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace)
    moved = replace(STEP, plan=lambda w, s: [replace(shard, hints={"part": "elsewhere"}) for shard in plan(w, s)])
    assert run(workspace, moved) == []


def test_what_the_plan_no_longer_holds_is_forgotten(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace)
    run(workspace, settings=Toy(shards=1))
    assert list(workspace.read("dropped")["item"]) == ["0000"]
    assert len(list((tmp_path / "tables" / "dropped").iterdir())) == 1


def test_no_row_is_in_two_shards_while_one_is_split(tmp_path: Path) -> None:
    """A run that is killed after the first half leaves the first half, and not the whole beside it."""
    workspace = Workspace(tmp_path)
    whole = replace(STEP, plan=lambda w, s: [Shard("all", ())], work=lambda w, s, shard: rows("a", "b"))
    run(workspace, whole)
    halves = replace(STEP, plan=lambda w, s: [Shard("0", ()), Shard("1", ())], work=lambda w, s, shard: rows("a"))
    found = todo(halves, workspace, Toy())
    retire(halves, workspace, found)
    run_shard(halves, workspace, Toy(), found.missing[0])
    assert list(workspace.read("dropped")["item"]) == ["a"]


def rows(*items: str) -> Output:
    return Output({"dropped": [{"stage": "toy", "item": item, "reason": "no_box", "detail": ""} for item in items]})
