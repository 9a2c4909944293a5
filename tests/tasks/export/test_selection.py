"""Which images an export holds: undecided is not "none", the same in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from reground.annotations.truth.step import TruthSettings
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.export import export as write_export
from reground.tasks.export.export import LABELS, PICTURES
from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace
from tests.support.export_readers import READERS, read_originals, states
from tests.support.export_world import CLASSIFY, answers, export, image_row, left_out, make_truth
from tests.support.tables import put

ORIGINALS = {"confirmed": 0, "changed": 1, "empty": 2, "tied": 3, "unasked": 4, "nobody": 5}
OTHER = 9
VOTES: dict[str, tuple[list[list[int]], list[int]]] = {
    "confirmed": ([[0]] * 6, [0, OTHER]),
    "changed": ([[OTHER]] * 6, [1, OTHER]),
    "empty": ([[]] * 6, [2, OTHER]),
    "tied": ([[3, OTHER]] * 3 + [[3]] * 3, [3, OTHER]),  # as many yes as no
    "unasked": ([[]] * 6, [OTHER, OTHER + 1]),  # distractors rejected, nobody asked about the original label
}
"""image_id -> labels that each of six people selected, and the labels that they were asked about."""
STATES = {
    "confirmed": ("settled", "confirmed", [0]),
    "changed": ("settled", "changed", [OTHER]),
    "tied": ("in_review", None, [3]),
    "unasked": ("in_review", None, [4]),
    "nobody": ("unreviewed", None, [5]),
}
"""Right state, outcome and labels in an export."""
COUNTS = "settled: 3 (confirmed: 1, changed: 1, extended: 0, empty: 1); in review: 2; unreviewed: 1"
NONE_HOLDS = "settled: no label holds"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    put(made, "classes", load_classes())
    rows = [image_row(tmp_path / "p", name, label, n) for n, (name, label) in enumerate(ORIGINALS.items())]
    put(made, "images", [row | {"boxes": []} for row in rows])
    put(made, "votes", [row for name, asked in VOTES.items() for row in answers(name, *asked)])
    make_truth(made)
    return made


@pytest.mark.parametrize("to_format", READERS)
def test_images_that_are_not_settled_keep_their_original_label_and_are_marked(
    workspace: Workspace, tmp_path: Path, to_format: str
) -> None:
    out = export(workspace, to_format, tmp_path / "out")
    assert READERS[to_format](out) == states(out) == STATES
    assert read_originals(out) == {name: label for name, label in ORIGINALS.items() if name in STATES}
    assert left_out(out) == {"empty": NONE_HOLDS}
    assert f"- images in the truth: 6; {COUNTS}\n" in (out / "DATA_CARD.md").read_text()


@pytest.mark.parametrize("to_format", READERS)
def test_only_settled_images(workspace: Workspace, tmp_path: Path, to_format: str) -> None:
    out = export(workspace, to_format, tmp_path / "out", only="settled")
    settled = {name: row for name, row in STATES.items() if row[0] == "settled"}
    assert READERS[to_format](out) == states(out) == settled
    in_review = dict.fromkeys(("tied", "unasked"), "in review: not decided yet")
    assert left_out(out) == {"empty": NONE_HOLDS, **in_review, "nobody": "unreviewed: nobody was asked"}


def test_a_main_label_is_given_once_it_is_settled(workspace: Workspace, tmp_path: Path) -> None:
    rows = pq.read_table(export(workspace, "parquet", tmp_path / "out") / "data").drop(["image"]).to_pylist()
    given = {row["image_id"]: (row["main_label"], row["num_objects"]) for row in rows}
    assert workspace.read("truth").set_index("image_id").loc["tied", "main_label"] == 3  # so far
    unknown = dict.fromkeys(("tied", "unasked", "nobody"), (None, None))
    assert given == {"confirmed": (0, 1), "changed": (OTHER, 1), **unknown}


def test_every_format_is_looked_at() -> None:
    assert READERS.keys() | {"imagenet-multilabel"} == LABELS.keys() | PICTURES.keys()


def test_answers_are_marked_too(workspace: Workspace, tmp_path: Path) -> None:
    """ImageNetMultiLabel's columns are people's answers, of images in review as of others."""
    ids = {name: f"ILSVRC2012_val_{n + 1:08d}" for n, name in enumerate(ORIGINALS)}
    rows = workspace.read_arrow("votes").to_pylist()
    put(workspace, "votes", [row | {"image_id": ids[row["image_id"]]} for row in rows])
    originals = [(ids[name], label) for name, label in ORIGINALS.items()]
    put(workspace, "original_labels", [_original(*pair) for pair in originals])
    put(workspace, "images", [])
    make_truth(workspace)
    names = {f"{image_id}.JPEG": name for name, image_id in ids.items()}
    frames: dict[str, pd.DataFrame] = {}
    for only in ("", "settled"):
        out = export(workspace, "imagenet-multilabel", tmp_path / f"out{only}", only)
        frames[only] = pd.read_pickle(out / f"{CLASSIFY}.pkl").rename(index=names)
    everyone = frames[""]
    with_main = ("confirmed", "changed", "tied")  # on the others nobody picked a main label
    assert everyone["state"].to_dict() == {name: STATES[name][0] for name in with_main}
    assert everyone["outcome"].dropna().to_dict() == {"confirmed": "confirmed", "changed": "changed"}
    assert (everyone.loc["tied", "main_top"], everyone.loc["tied", "num_workers"]) == (3, 6)
    assert set(frames["settled"].index) == {"confirmed", "changed"}


def _original(image_id: str, class_idx: int) -> dict[str, Any]:
    return {"image_id": image_id, "class_idx": class_idx, "routing": None, "source": "set"}


def test_where_nothing_is_left_it_says_why(workspace: Workspace, tmp_path: Path) -> None:
    make_truth(workspace, TruthSettings(min_annotators=7))
    with pytest.raises(RegroundError, match="but all are left out: 5 in review: not decided yet, 1 unreviewed"):
        export(workspace, "real", tmp_path / "out", only="settled")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match=r"--only.* 'setled': did you mean 'settled'"):
        export(workspace, "real", tmp_path / "out", only="setled")
    with pytest.raises(UsageError, match="imagenet9, which holds the variants"):
        export(workspace, "imagenet9", tmp_path / "out", only="settled")


def test_an_image_that_nobody_knows_the_label_of(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "images", [row for row in workspace.read_arrow("images").to_pylist() if row["image_id"] != "tied"])
    make_truth(workspace)
    out = export(workspace, "real", tmp_path / "out")
    assert left_out(out) == {"empty": NONE_HOLDS, "tied": "not settled, and its original label is not known"}


def test_the_command_says_how_far_people_are(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(out), "-w", workspace.url, "--format", "real", "--only", "settled"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[:2] == [f"wrote {out}", COUNTS]
    assert "left out: 2 (in review: not decided yet); see left_out.csv" in said
    written = write_export(workspace, "real", tmp_path / "other")
    assert (written.states["changed"], written.states["in_review"], dict(written.left_out)) == (1, 2, {NONE_HOLDS: 1})
