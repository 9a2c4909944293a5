"""Suspects in an export: columns in every format, left out only where somebody chose so, and never unknown as no."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.export import export
from reground.tasks.images import load_classes
from reground.tasks.suspects import REGISTRY, STEP, Method, Suspect, SuspectSettings
from reground.tasks.workspace import Workspace, retire, run_shard, todo
from tests.support.export_world import answers, image_row, left_out, make_truth
from tests.support.tables import put

SETTLED, SUSPECT, CLEAR, UNJUDGED = "settled", "suspect", "clear", "unjudged"
SCORES = {SETTLED: 0.9, SUSPECT: 0.8, CLEAR: 0.1}
COLUMNS = {
    SETTLED: (True, 0.9, False, None),
    SUSPECT: (True, 0.8, True, 1.5),
    CLEAR: (False, 0.1, False, None),
    UNJUDGED: (None, None, False, None),
}
"""Of the kinds some and all: flagged and score."""
NAMES = ("suspect_some", "suspect_some_score", "suspect_all", "suspect_all_score")


def method(suspects: dict[str, float], judges_all: bool) -> Method:
    return Method(
        tables=lambda workspace, settings: (),
        find=lambda workspace, settings: [Suspect(name, score, score > 0.5) for name, score in suspects.items()],  # type: ignore[arg-type]
        missing=lambda workspace, settings: "",
        limit="nothing is shown",
        judges_all=judges_all,
    )


def find(workspace: Workspace, *kinds: str) -> None:
    settings = SuspectSettings(find=kinds)
    plan = todo(STEP, workspace, settings)
    retire(STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(STEP, workspace, settings, shard)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "w")
    put(made, "classes", load_classes())
    put(made, "images", [image_row(tmp_path / "p", name, n, n) | {"boxes": []} for n, name in enumerate(COLUMNS)])
    put(made, "votes", answers(SETTLED, [[0]] * 6, [0, 9]))
    make_truth(made)
    REGISTRY.register("some", method(SCORES, judges_all=False))
    REGISTRY.register("all", method({SUSPECT: 1.5}, judges_all=True))
    find(made, "some", "all")
    yield made
    REGISTRY.unregister_all()


def of_csv(out: Path) -> Iterator[dict[str, Any]]:
    values = {"True": True, "False": False, "": None}
    with (out / "states.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            cells = {
                name: values[cell] if cell in values else float(cell) for name, cell in row.items() if name in NAMES
            }
            yield {"image_id": row["image_id"], **cells}


def of_parquet(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "data").drop(["image"]).to_pylist()


def of_tar(out: Path) -> list[dict[str, Any]]:
    with tarfile.open(out / "val-000000.tar") as tar:
        members = [tar.extractfile(name) or io.BytesIO() for name in tar.getnames() if name.endswith(".json")]
        return [json.load(member) for member in members]


def of_coco(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / "annotations" / "instances_val.json").read_text())["images"]


def of_fiftyone(out: Path) -> list[dict[str, Any]]:
    fields = json.loads((out / "metadata.json").read_text())["sample_fields"]
    assert [fields[name].rpartition(".")[2] for name in NAMES] == ["BooleanField", "FloatField"] * 2
    return json.loads((out / "samples.json").read_text())["samples"]


READERS: dict[str, Callable[[Path], Any]] = {
    "real": of_csv,
    "imagefolder": of_csv,
    "parquet": of_parquet,
    "croissant": of_parquet,
    "webdataset": of_tar,
    "coco": of_coco,
    "fiftyone": of_fiftyone,
}


def columns(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {row["image_id"]: tuple(row[name] for name in NAMES) for row in rows}


@pytest.mark.parametrize("to_format", READERS)
def test_every_format_says_who_is_suspect_and_who_was_not_judged(
    workspace: Workspace, tmp_path: Path, to_format: str
) -> None:
    out = export(workspace, to_format, tmp_path / "out").folder
    assert columns(list(READERS[to_format](out))) == columns(list(of_csv(out))) == COLUMNS
    assert not left_out(out)  # a score drops nothing


def test_the_answers_of_imagenet_multilabel_have_the_columns(workspace: Workspace, tmp_path: Path) -> None:
    out = export(workspace, "imagenet-multilabel", tmp_path / "out").folder
    (row,) = pq.read_table(out / "data" / "annotations_classify_task.parquet").to_pylist()
    assert tuple(row[name] for name in NAMES) == COLUMNS[SETTLED]


def test_croissant_describes_the_columns(workspace: Workspace, tmp_path: Path) -> None:
    out = export(workspace, "croissant", tmp_path / "out").folder
    records = json.loads((out / "croissant.json").read_text())["recordSet"][1]["field"]
    types = {field["name"]: field["dataType"] for field in records}
    assert [types[f"images/{name}"] for name in NAMES] == ["sc:Boolean", "sc:Float"] * 2


@pytest.mark.parametrize("to_format", READERS)
def test_flagged_images_that_nobody_has_decided_are_left_out_by_choice_alone(
    workspace: Workspace, tmp_path: Path, to_format: str
) -> None:
    written = export(workspace, to_format, tmp_path / "out", without_suspects=["some"])
    reason = "suspect of the kind some, and nobody has decided"
    assert left_out(written.folder) == {SUSPECT: reason}  # what people settled stays, and so does what is not known
    assert set(columns(list(of_csv(written.folder)))) == COLUMNS.keys() - {SUSPECT}
    assert f"left out: 1 ({reason}); see left_out.csv" in list(written.lines())
    card = " ".join((written.folder / "DATA_CARD.md").read_text().split())
    assert f"left out of this export: 1 ({reason})" in card and "of the kinds some (--without-suspects)" in card


def test_a_choice_that_concerns_no_image_is_counted_too(workspace: Workspace, tmp_path: Path) -> None:
    REGISTRY.register("all", method({}, judges_all=True), version="2")
    find(workspace, "some", "all")
    written = export(workspace, "real", tmp_path / "out", without_suspects=["all"])
    assert written.left_out == {"suspect of the kind all, and nobody has decided": 0}
    assert "left out: 0 (suspect of the kind all, and nobody has decided)" in list(written.lines())
    assert not (written.folder / "left_out.csv").exists()


def test_a_kind_that_nobody_finds_or_that_was_not_looked_for(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'lable'.*'label'.*duplicate.*poison"):
        export(workspace, "real", tmp_path / "out", without_suspects=["lable"])
    with pytest.raises(
        RegroundError, match=r"looked for: all, some\. Run `reground suspects .* --find all,some,label`"
    ):
        export(workspace, "real", tmp_path / "out", without_suspects=["label"])
    with pytest.raises(RegroundError, match=r"--against OTHER_WORKSPACE"):
        export(workspace, "real", tmp_path / "out", without_suspects=["leak"])
    with pytest.raises(UsageError, match=r"--without-suspects with a format of labels"):
        export(workspace, "imagenet9", tmp_path / "out", without_suspects=["some"])
    assert not (tmp_path / "out").exists()


def test_suspects_that_are_out_of_date_are_said_to_be(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not export(workspace, "real", tmp_path / "before").warnings
    put(workspace, "votes", answers(SETTLED, [[9]] * 6, [0, 9]))
    make_truth(workspace)
    out = tmp_path / "out"
    assert main(["export", str(out), "-w", workspace.url, "--format", "real", "--without-suspects", "some, all"]) == 0
    warning = "the suspects of the kind 'some' are older than the truth"
    assert warning in capsys.readouterr().out and warning in (out / "DATA_CARD.md").read_text()
    # What was found for older tables says nothing of images without a row.
    assert columns(list(of_csv(out)))[UNJUDGED] == (None, None, None, None)
    find(workspace, "some", "all")
    assert not export(workspace, "real", tmp_path / "after").warnings


def test_suspects_of_a_plugin_that_is_gone(workspace: Workspace, tmp_path: Path) -> None:
    REGISTRY.unregister_all()
    written = export(workspace, "real", tmp_path / "out", without_suspects=["some"])
    assert left_out(written.folder) == {SUSPECT: "suspect of the kind some, and nobody has decided"}
    assert len(written.warnings) == 2 and "is not known" in written.warnings[0]


def test_without_suspects_there_are_no_columns(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "classes", load_classes())
    put(workspace, "images", [image_row(tmp_path / "p", "a", 0, 0)])
    make_truth(workspace)
    out = export(workspace, "parquet", tmp_path / "out").folder
    assert not [name for name in pq.read_schema(next((out / "data").iterdir())).names if "suspect" in name]
