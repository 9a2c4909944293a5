"""The command line: exit status, what errors say, and what it must not import."""

from __future__ import annotations

import json
import subprocess
import sys
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


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from reground.flows.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'prefect', 'pandas', 'numpy', 'torch', 'pydantic', 'cv2', 'label_studio_sdk'}\n"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "evaluate" in done.stdout


def test_a_step_without_prefect_imports_no_prefect(world: World, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from reground.flows.cli.main import main\n"
        f"status = main(['index', {str(world.images)!r}, '-w', {str(tmp_path)!r}])\n"
        "sys.exit('prefect' if 'prefect' in sys.modules else status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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
    ("words", "status", "said"),
    [
        (["index", "/no/such/folder", "-w", "{w}"], None, "/no/such/folder"),
        (["masks", "-w", "{w}"], 1, "expected the table 'images' in {w}, found none: run `reground index"),
        (["run", "-w", "{w}"], 2, "reground run IMAGES"),
        (["index", "{w}", "-w", "{w}", "--runner", "fork"], 2, "threads[:N], processes[:N] or ray"),
        (["status", "-w", "{w}/none"], 1, "found none"),
        (["export", "-w", "{w}", "--format", "tfrecord", "{w}/out"], 2, "coco, croissant, fiftyone, imagefolder"),
        (["table", "imges", "-w", "{w}", "--to", "{w}/x.csv"], 2, "adversarial, adversarial_backgrounds"),
        (["table", "images", "-w", "{w}", "--to", "{w}/x.csv"], 1, "made so far: none"),
        (["index", "{w}", "-w", "{w}", "--config", "{w}/none.toml"], 2, "none.toml"),
        (["index", "{w}", "-w", "{w}", "--prefect", "http://127.0.0.1:9/api"], 1, "expected a Prefect server at"),
    ],
)
def test_errors_are_one_line_with_a_status(
    words: list[str], status: int | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = main([word.replace("{w}", str(tmp_path)) for word in words])
    error = capsys.readouterr().err
    assert found in (1, 2) if status is None else found == status
    assert said.replace("{w}", str(tmp_path)) in error and "Traceback" not in error


def test_wrong_words_are_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["indx"])
    assert "invalid choice: 'indx'" in capsys.readouterr().err


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
