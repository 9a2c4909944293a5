"""The whole way of a suspect in a real Label Studio: found, asked about, settled, not asked again, exported."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from reground.annotations.review import pull_votes, push_suspects, push_text
from reground.annotations.rounds import classify_result, read_tasks
from reground.annotations.truth.step import TruthSettings
from reground.tasks.export import export
from reground.tasks.schema import ClassIdx
from reground.tasks.suspects import STEP, SuspectSettings
from reground.tasks.workspace import Output, Workspace, retire, run_shard, todo
from tests.support.export_world import make_truth
from tests.support.label_studio_world import LabelStudio, fill, photographs
from tests.support.tables import prediction

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

WRONG, RIGHT, TWIN, COPY = "imagenet_16_251", "imagenet_17_22", "imagenet_00_243", "copy"
LABELS = {WRONG: 609, RIGHT: 22, TWIN: 243, COPY: 242}
"""The dog is labelled a jeep, and one photograph has two labels."""
DALMATIAN = 251


@pytest.fixture
def workspace(label_studio: LabelStudio, tmp_path: Path) -> Workspace:
    files = photographs()
    (copy := tmp_path / "copies" / "copy.jpg").parent.mkdir()
    shutil.copy(files[TWIN], copy)
    workspace = label_studio.workspace(tmp_path / "w", {})
    fill(workspace, {name: (label,) for name, label in LABELS.items()}, {**files, COPY: copy})
    answers = {WRONG: DALMATIAN, RIGHT: 22, TWIN: 243, COPY: 243}
    probability = {WRONG: 0.01, RIGHT: 0.5, TWIN: 0.5, COPY: 0.1}
    rows = [
        {**prediction(name, [answer, 1]), "original_probability": probability[name]} for name, answer in answers.items()
    ]
    workspace.commit("predict", "0000", "key", Output({"predictions/net": rows}))
    find(workspace)
    return workspace


def find(workspace: Workspace) -> None:
    settings = SuspectSettings()
    plan = todo(STEP, workspace, settings)
    retire(STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(STEP, workspace, settings, shard)


def settled(workspace: Workspace) -> dict[tuple[str, str], str | None]:
    rows = workspace.read_arrow("suspects").to_pylist()
    return {(row["kind"], row["image_id"]): row["settled_by"] for row in rows if row["flagged"]}


def test_from_a_suspect_to_an_answer_to_an_export(label_studio: LabelStudio, tmp_path: Path, workspace: Workspace):
    flagged = {("label", WRONG), ("label", COPY), ("duplicate", TWIN), ("duplicate", COPY)}
    assert settled(workspace) == dict.fromkeys(flagged)
    settings = label_studio.settings(suspects=("label", "duplicate"), limit=1)
    pushed = push_suspects(workspace, settings)
    assert pushed.new == 1 and not pushed.warnings
    (task,) = read_tasks(workspace)
    assert (task.kind, task.question.image_ids) == ("classify", (WRONG,))
    assert set(task.question.class_idxs) == {LABELS[WRONG], DALMATIAN}  # proposed, and no candidate
    assert push_suspects(workspace, settings).new == 0

    people = [label_studio.annotator(f"{name}-{tmp_path.name}@x.local".lower()) for name in ("ann", "bob")]
    for person in people:
        person.submit(task.task_id, classify_result([ClassIdx(DALMATIAN)], ClassIdx(DALMATIAN), "1"), 3.0)
        person.__exit__()
    pull_votes(workspace, settings)
    make_truth(workspace, TruthSettings(min_annotators=2))
    assert "older than the truth" in push_text("classify", push_suspects(workspace, settings))
    find(workspace)
    assert settled(workspace) == {**dict.fromkeys(flagged), ("label", WRONG): "votes"}

    asked = [one for one in read_tasks(workspace) if one.task_id != task.task_id]
    assert push_suspects(workspace, settings).new == 0 and len(asked) == 1  # the next suspect; the dog no more
    assert asked[0].question.image_ids[0] in (TWIN, COPY) and set(asked[0].question.class_idxs) == {242, 243}

    out = export(workspace, "real", tmp_path / "out", without_suspects=["label", "duplicate"]).folder
    with (out / "states.csv").open(newline="") as handle:
        rows = {row["image_id"]: row for row in csv.DictReader(handle)}
    assert rows.keys() == {WRONG, RIGHT}
    assert (rows[WRONG]["outcome"], rows[WRONG]["labels"]) == ("changed", f"[{DALMATIAN}]")
    assert (rows[WRONG]["suspect_label"], rows[RIGHT]["suspect_label"]) == ("True", "False")
