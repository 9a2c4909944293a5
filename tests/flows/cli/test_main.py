"""The command line: exit status, what errors say, and what it must not import."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from reground.flows.cli.main import main
from reground.tasks.workspace import Workspace
from tests.support.tables import candidate, class_row, image, put
from tests.support.world import World


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def test_index_says_what_it_did_in_words_and_as_json(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["index", str(world.images), "-w", str(tmp_path), "--boxes", str(world.boxes)]
    assert main(words) == 0
    assert "images: 21" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["rows"]["images"] == 21 and data["dropped"] == {}


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["index", "/no/such/folder", "-w", "{w}"], 2, "/no/such/folder"),
        (["masks", "-w", "{w}"], 1, "expected the table 'images' in {w}, found none: run `reground index"),
        (["run", "-w", "{w}"], 2, "reground run IMAGES"),
        (["index", "{w}", "-w", "{w}", "--runner", "fork"], 2, "threads[:N], processes[:N] or ray"),
        (["status", "-w", "{w}"], 1, "expected a workspace at {w}, found none"),
        (["settings", "-w", "{w}"], 1, "expected a workspace at {w}, found none"),
        (["export", "-w", "{w}", "--format", "real", "{w}/out"], 1, "expected a workspace at {w}, found none"),
        (["table", "truth", "-w", "{w}", "--to", "{w}/x.csv"], 1, "expected a workspace at {w}, found none"),
        (["index", "/tmp", "-w", "{w}", "--config", "{w}/none.toml"], 2, "none.toml"),
        (["index", "/tmp", "-w", "{w}", "--prefect", "http://127.0.0.1:9/api"], 1, "expected a Prefect server at"),
        (["serve", "-w", "{w}", "--prefect", "http://127.0.0.1:9/api", "--port", "1"], 2, "--port or --prefect"),
        (["review", "push", "-w", "{w}"], 1, "expected a workspace at {w}, found none"),
        (["truth", "-w", "{w}", "--keep", "x", "--min-annotators", "y"], 2, "2 settings cannot be used"),
    ],
)
def test_a_refusal_has_a_message_and_a_status_and_leaves_no_folder(
    words: list[str], status: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "not" / "made"
    assert main([word.replace("{w}", str(workspace)) for word in words]) == status
    error = capsys.readouterr().err
    assert message.replace("{w}", str(workspace)) in error and "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["indx"], "did you mean 'index'"),
        (["review", "puhs", "-w", "W"], "did you mean 'push'"),
        (["truth", "dif", "1", "2", "-w", "W"], "unknown `reground truth` command 'dif': did you mean 'diff'"),
        (["masks", "-w", "W", "--min-qualty", "0.3"], "Did you mean --min-quality?"),
        (["run", "-w", "W", "--seed", "3"], "--masks-seed, --variants-seed"),
        (["masks"], "Expected --workspace or -w"),
        (["table", "-w", "W"], "Expected NAME"),
        (["masks", "-w", "W", "--iterations"], "Expected a value after --iterations"),
        (["masks", "-w", "W", "-w", "V"], "Expected -w once"),
        (["export", "a", "b", "-w", "W", "--format", "real"], "Unexpected argument: b"),
        (["review", "push", "ann@lab.org", "-w", "W"], "Unexpected argument: ann@lab.org"),
        (["review", "status", "-w", "W", "--round", "2"], "Unknown option: --round"),
        (["evaluate", "-w", "W", "--keep", "0.5"], "Unknown option: --keep"),
        (["predict", "import", "f.csv", "-w", "W", "--model", "m", "--device", "cpu"], "Unknown option: --device"),
        (["table", "truth", "-w", "W", "--to", "t.csv", "--limit", "3"], "expected --to FILE or --limit N, got both"),
    ],
)
def test_wrong_use_is_status_2_and_names_what_would_work(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--limit" in words:
        put(Workspace("W"), "classes", [class_row(0)])
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_files_without_a_usable_image_are_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images" / "n02085620").mkdir(parents=True)
    (tmp_path / "images" / "n02085620" / "a.png").touch()
    assert main(["index", str(tmp_path / "images"), "-w", str(tmp_path / "w")]) == 2
    assert "1 of 1 files were dropped" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["index", "{w}", "-w", "{w}", "--runner", "fork"],
        ["-w", "{w}", "index", "--runner", "fork", "{w}"],
        ["--runner", "fork", "index", "-w", "{w}", "{w}"],
        ["-q", "--workspace={w}", "--runner=fork", "index", "{w}"],
    ],
)
def test_options_stand_anywhere(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word.replace("{w}", str(tmp_path)) for word in words]) == 2
    assert "unknown runner 'fork'" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: reground COMMAND" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"reground {importlib.metadata.version('reground')}\n"


def test_quiet_shows_the_result_alone(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["index", str(world.images), "-w", str(tmp_path)]
    assert main([*words, "-q"]) == 0
    quiet = capsys.readouterr()
    assert "images: 21" in quiet.out and quiet.err == ""
    assert main(words) == 0
    assert "index: 21" in capsys.readouterr().err


def test_verbose_shows_the_traceback_of_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["masks", "-w", str(tmp_path), "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_any_table_as_csv_jsonl_or_parquet(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "classes", [class_row(0, 'crane, "bird"'), class_row(1)])
    put(workspace, "images", [image("a", 0, boxes=[(1, 2, 3, 4)])])
    put(workspace, "candidates", [candidate("a", 0, ["original", "m:1"])])
    for ending in ("csv", "jsonl", "parquet"):
        assert main(["table", "classes", "-w", workspace.url, "--to", str(tmp_path / f"classes.{ending}")]) == 0
    assert pd.read_csv(tmp_path / "classes.csv")["name"].tolist() == ['crane, "bird"', "class 1"]
    lines = (tmp_path / "classes.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["wnids"] == ["n00000000"]
    assert pq.read_table(tmp_path / "classes.parquet").to_pylist()[1]["class_idx"] == 1
    assert main(["table", "images", "-w", workspace.url, "--to", str(tmp_path / "images.csv")]) == 0
    boxes = json.loads(pd.read_csv(tmp_path / "images.csv")["boxes"][0])
    assert boxes == [{"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}]


def test_paths_are_remembered_in_full(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.images.parent)
    assert main(["index", world.images.name, "-w", str(tmp_path), "--boxes", world.boxes.name]) == 0
    remembered = json.loads((tmp_path / "settings.json").read_text())
    assert {name: entry["value"] for name, entry in remembered.items()} == {
        "index.images": str(world.images),
        "index.boxes": str(world.boxes),
    }
