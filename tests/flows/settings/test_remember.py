"""What a workspace remembers, and what a refused command leaves behind: nothing."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest

from reground.flows.cli.main import main
from reground.flows.registry import run_under_prefect
from reground.flows.settings import forget, remember, remembering, resolve
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from tests.support.world import World


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file with its content, every folder; a lock file counts for its name only."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and path.name != "lock" else None
        for path in sorted(folder.rglob("*"))
    }


def remembered(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "settings.json").read_text())


@pytest.fixture
def indexed(world: World, tmp_path: Path) -> Path:
    """A workspace with an index, and a folder of inputs that an index refuses."""
    folder = tmp_path / "indexed"
    assert main(["index", str(world.images), "-w", str(folder)]) == 0
    return folder


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    (folder / "empty").mkdir(parents=True)
    (folder / "classes.csv").write_text("n01440764 tench, Tinca tinca\n")
    (folder / "listed.csv").write_text("path,label\n")
    (folder / "wrong.toml").write_text("[variants]\ncompose = ['blend']\n[masks]\nsed = 1\n")
    (folder / "fine.toml").write_text("[masks]\nseed = 5\n")
    (folder / "no text \udcff").mkdir()
    return folder


REFUSED = [
    ["index", "{world}", "--classes", "{inputs}/classes.csv"],
    ["index", "{world}", "--classes", "{inputs}/none.csv"],
    ["index", "{inputs}/listed.csv", "--labels", "{inputs}/empty"],
    ["index", "{world}", "--boxes", "{inputs}/none"],
    ["index", "{inputs}/none"],
    ["index", "{inputs}/empty"],
    ["index", "{world}", "--boxes", "{inputs}/empty"],
    ["index", "{world}", "--config", "{inputs}/wrong.toml"],
    ["index", "{world}", "--config", "{inputs}/none.toml"],
    ["index", "{world}", "--runner", "fork"],
    ["run", "{world}", "--models", "resnet50"],
    ["run", "{world}", "--method", "supplied:{inputs}/none"],
    ["run", "{world}", "--groups", "{inputs}/none.json"],
    ["index", "{world}", "--boxes", "{inputs}/no text \udcff"],
    ["report", "--title", "no text \udcff"],
]


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: " ".join(words))
def test_a_refused_command_leaves_the_workspace_as_it_was(
    world: World, indexed: Path, inputs: Path, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("{world}", str(world.images)).replace("{inputs}", str(inputs)) for word in words]
    before = snapshot(tmp_path)
    for workspace in (indexed, tmp_path / "new" / "deep"):
        assert main([*words, "-w", str(workspace)]) == 2, capsys.readouterr().err
        assert snapshot(tmp_path) == before
    assert main(["index", str(world.images), "-w", str(indexed)]) == 0


def test_a_command_that_finds_nothing_to_work_on_makes_no_folder(tmp_path: Path) -> None:
    for words in (["masks"], ["evaluate"], ["table", "images", "--to", str(tmp_path / "images.csv")]):
        assert main([*words, "-w", str(tmp_path / "w")]) == 1
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [REFUSED[0], REFUSED[6], REFUSED[7], REFUSED[10]], ids=lambda words: " ".join(words))
def test_a_refused_flow_leaves_the_workspace_as_it_was(
    prefect_api: str, world: World, indexed: Path, inputs: Path, tmp_path: Path, words: list[str]
) -> None:
    words = [word.replace("{world}", str(world.images)).replace("{inputs}", str(inputs)) for word in words]
    before = snapshot(tmp_path)
    for workspace in (indexed, tmp_path / "new"):
        assert main([*words, "-w", str(workspace), "--prefect", prefect_api]) == 2
        assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_refused_parameters_of_a_flow_leave_the_workspace_as_it_was(
    prefect_api: str, world: World, indexed: Path, inputs: Path, tmp_path: Path
) -> None:
    before = snapshot(tmp_path)
    images = {"images": str(world.images)}
    for workspace in (indexed, tmp_path / "new"):
        for settings in (
            {"index": {**images, "classes": str(inputs / "classes.csv")}},
            {"index": {**images, "boxes": str(inputs / "empty")}},
            {"index": images, "variants": {"fill": "blur"}},
            {"index": images, "colours": {"sky": "blue"}},
        ):
            with pytest.raises(UsageError):
                run_under_prefect(prefect_api, "run", workspace=str(workspace), settings=settings)
            assert snapshot(tmp_path) == before


def test_all_faults_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["masks", "-w", str(tmp_path / "w"), "--seed", "x", "--min-area", "7", "--method", "nosuch"]
    assert main([*words, "--runner", "fork"]) == 2
    message = capsys.readouterr().err
    assert "4 settings cannot be used" in message
    for name in ("masks.seed", "masks.min_area", "masks.method", "runner"):
        assert message.count(f"  {name}: ") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["votes", "import", "{file}", "--format", "csv"],
        ["votes", "import", "{file}", "--format", "nosuch"],
        ["gold", "import", "{file}"],
        ["predict", "import", "{file}", "--model", "m"],
    ],
    ids=lambda words: " ".join(words),
)
def test_a_refused_import_makes_no_workspace(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "votes.csv"
    file.write_text("image_id,label,annotator,answer\na,no such thing,ann,yes\n")
    assert main([word.format(file=file) for word in words] + ["-w", str(tmp_path / "new" / "W")]) != 0
    assert not (tmp_path / "new").exists()


def test_what_was_refused_is_not_asked_again(
    world: World, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    shutil.copytree(world.images, images)
    listed = tmp_path / "listed.csv"
    listed.write_text("path,label\n" + "".join(f"{file},{file.parent.name}\n" for file in images.rglob("*.png")))
    words = ["index", str(listed), "-w", str(tmp_path / "w")]
    assert main([*words, "--labels", str(inputs / "empty")]) == 2
    assert "labels only in the list" in capsys.readouterr().err
    assert main([*words, "--classes", str(inputs / "classes.csv")]) == 2
    assert main(words) == 0


def test_an_empty_option_takes_a_setting_back(world: World, tmp_path: Path) -> None:
    classes, workspace = tmp_path / "classes.csv", tmp_path / "w"
    names = sorted(folder.name for folder in world.images.iterdir())
    classes.write_text("class_idx,name\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names)))
    words = ["index", str(world.images), "-w", str(workspace)]
    assert main([*words, "--classes", str(classes)]) == 0
    assert remembered(workspace)["index.classes"] == {"value": str(classes)}
    classes.unlink()
    assert main(words) == 2
    assert main([*words, "--classes", ""]) == 0
    assert remembered(workspace).keys() == {"index.images"}
    assert len(Workspace(workspace).read("classes")) == 1000


def test_a_file_is_remembered_with_its_path(world: World, inputs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    assert main(["index", str(world.images), "-w", str(folder), "--config", str(inputs / "fine.toml")]) == 0
    assert remembered(folder)["masks.seed"] == {"value": 5, "file": str(inputs / "fine.toml")}
    resolved = resolve(Workspace(folder), {})
    assert resolved.settings.masks.seed == 5
    assert str(resolved.origins["masks.seed"]) == f"workspace (file {inputs / 'fine.toml'})"
    assert main(["index", str(world.images), "-w", str(folder), "--config", str(inputs / "fine.toml")]) == 0
    remember(Workspace(folder), {"masks": {"seed": 6}})
    assert remembered(folder)["masks.seed"] == {"value": 6}


def test_a_file_whose_name_is_no_text_is_remembered_as_text(inputs: Path, tmp_path: Path) -> None:
    path = (inputs / "fine.toml").rename(inputs / "fine \udcff.toml")
    workspace = Workspace(str(tmp_path / "W"))
    remember(workspace, {}, path)
    assert "fine \\xff.toml" in str(resolve(workspace, {}).origins["masks.seed"])


def test_the_environment_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGROUND_MASKS__SEED", "9")
    remember(Workspace(tmp_path), {"masks": {"iterations": 7}})
    assert remembered(tmp_path) == {"masks.iterations": {"value": 7}}


def test_forget(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(UsageError, match=r"unknown remembered setting 'masks.seed': expected one of: none"):
        forget(workspace, "masks.seed")
    assert not (tmp_path / "w").exists()
    remember(workspace, {"masks": {"seed": 1, "iterations": 7}})
    with pytest.raises(UsageError, match=r"'masks.sed': did you mean 'masks.seed'\? expected one of: masks.iterations"):
        forget(workspace, "masks.sed")
    forget(workspace, "masks.seed")
    assert remembered(tmp_path / "w") == {"masks.iterations": {"value": 7}}
    forget(workspace, "masks.iterations")
    assert list((tmp_path / "w").iterdir()) == []


def test_a_failure_keeps_what_was_remembered(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.write_bytes("tables/x", b"")
    with pytest.raises(RegroundError, match="disk"), remembering(workspace, {"masks": {"seed": 1}}):
        raise RegroundError("the disk is full")
    with pytest.raises(KeyboardInterrupt), remembering(workspace, {"masks": {"iterations": 7}}):
        raise KeyboardInterrupt
    with pytest.raises(UsageError, match="no"), remembering(workspace, {"masks": {"seed": 2, "min_area": 0.2}}):
        raise UsageError("no")
    assert remembered(tmp_path / "w") == {"masks.iterations": {"value": 7}, "masks.seed": {"value": 1}}


def test_a_folder_that_was_empty_before_stays(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with pytest.raises(UsageError), remembering(Workspace(tmp_path / "w"), {"masks": {"seed": 1}}):
        raise UsageError("no")
    assert list(tmp_path.rglob("*")) == [tmp_path / "w"]


def _remember_many(folder: str, field: str, count: int) -> None:
    for number in range(1, count + 1):
        remember(Workspace(folder), {"masks": {field: number}})


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    arguments = [(str(tmp_path), field, 40) for field in ("seed", "iterations")]
    processes = [context.Process(target=_remember_many, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert remembered(tmp_path) == {"masks.iterations": {"value": 40}, "masks.seed": {"value": 40}}
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_an_object_store_remembers_too() -> None:
    workspace = Workspace("memory://settings/w")
    with pytest.raises(UsageError), remembering(workspace, {"masks": {"seed": 1}}):
        raise UsageError("no")
    assert resolve(workspace, {}).values == {}
    with remembering(workspace, {"masks": {"seed": 1}}):
        pass
    assert resolve(workspace, {}).settings.masks.seed == 1
