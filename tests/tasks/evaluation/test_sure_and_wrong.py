"""What models are sure of and people rejected, planted image by image."""

from __future__ import annotations

from typing import Any

import pytest

from reground.tasks.evaluation import STEP, EvaluationSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, judged_row, prediction, put, put_truth, reference_row

LABEL, OTHER, THIRD = 7, 3, 5


def predict(workspace: Workspace, model: str, answers: dict[str, tuple[int, float]]) -> None:
    rows = [{**prediction(name, [label]), "probability": [p]} for name, (label, p) in answers.items()]
    put(workspace, f"predictions/{model}", rows)


def sure_and_wrong(workspace: Workspace, **settings: Any) -> list[dict[str, Any]]:
    whole = EvaluationSettings(**settings)
    for shard in todo(STEP, workspace, whole).missing:
        run_shard(STEP, workspace, whole, shard)
    return workspace.read_arrow("sure_and_wrong").to_pylist()


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(name, LABEL) for name in "abcdefgh"])
    put_truth(
        workspace,
        [
            judged_row("a", "changed", {OTHER: 1.0, LABEL: 0.125}, original=LABEL),
            judged_row("b", "confirmed", {LABEL: 1.0, OTHER: 0.25}, original=LABEL),
            judged_row("c", "empty", {LABEL: 0.0}, original=LABEL),
            judged_row("d", "in_review", {LABEL: 0.25}, original=LABEL),
            judged_row("e", "confirmed", {LABEL: 1.0}, original=LABEL),
            judged_row("f", "changed", {OTHER: 1.0, LABEL: 0.0}, original=LABEL),
            judged_row("g", "confirmed", {LABEL: 1.0, OTHER: 0.0}, original=LABEL),
        ],
    )
    predict(
        workspace,
        "m",
        {
            "a": (LABEL, 0.95),  # rejected
            "b": (OTHER, 0.9),  # rejected, just sure
            "c": (LABEL, 0.97),  # rejected, and nothing holds
            "d": (LABEL, 1.0),  # nobody has decided
            "e": (THIRD, 1.0),  # nobody was asked
            "f": (LABEL, 0.89),  # rejected, not sure
            "g": (LABEL, 1.0),  # right
            "h": (LABEL, 1.0),  # nobody has seen it
        },
    )
    predict(workspace, "n", {"a": (LABEL, 0.97), "b": (LABEL, 1.0), "g": (OTHER, float("nan"))})
    return workspace


def test_rejected_answers_of_sure_models_the_surest_first(workspace: Workspace) -> None:
    """Fails where classes that nobody was asked about count as rejected, or images in review as settled."""
    rows = sure_and_wrong(workspace)
    assert [(row["rank"], row["image_id"], row["class_idx"]) for row in rows] == [
        (1, "a", LABEL),  # as sure as of c, but two models are
        (2, "c", LABEL),
        (3, "b", OTHER),
    ]
    first, second, third = rows
    assert first["models"] == ["n", "m"] and first["probability"] == pytest.approx([0.97, 0.95])
    assert (first["is_original"], first["outcome"], first["labels"]) == (True, "changed", [OTHER])
    assert first["valid_probability"] == 0.125
    assert (second["outcome"], second["labels"]) == ("empty", [])
    assert (third["is_original"], third["outcome"], third["labels"]) == (False, "confirmed", [LABEL])


def test_how_sure_is_a_setting(workspace: Workspace) -> None:
    assert [row["image_id"] for row in sure_and_wrong(workspace, sure=0.96)] == ["a", "c"]
    assert [row["image_id"] for row in sure_and_wrong(workspace, sure=0.8)] == ["a", "c", "b", "f"]


def test_published_labels_reject_nothing(workspace: Workspace) -> None:
    rows = sure_and_wrong(workspace)
    put(workspace, "reference_truths/published", [reference_row("e", [OTHER])])
    assert sure_and_wrong(workspace) == rows


def test_without_people_nothing_is_wrong(workspace: Workspace) -> None:
    put_truth(workspace, [])
    assert sure_and_wrong(workspace) == []
