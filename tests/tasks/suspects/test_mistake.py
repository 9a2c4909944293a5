"""Photographs that all models get wrong in the same way, by what people settled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace
from tests.support.suspects_world import find
from tests.support.tables import image, prediction, put, put_truth, truth_row

IMAGES = "abcdefg"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Images of class 1; two models on all of them but g, which has one."""
    workspace = Workspace(str(tmp_path / "w"))
    put(workspace, "images", [image(name, 1) for name in IMAGES])
    first = {"a": 2, "b": 2, "c": 2, "d": 1, "e": 2, "f": -1, "g": 2}
    second = {"a": 2, "b": 2, "c": 2, "d": 1, "e": 3, "f": -1}
    for model, answers in (("m", first), ("n", second)):
        rows = [answer_row(name, answer, 0.5 if model == "m" else 0.75) for name, answer in answers.items()]
        put(workspace, f"predictions/{model}", rows)
    put_truth(
        workspace,
        [
            {**truth_row("a", [1], "confirmed", 1), "judged": [1, 2]},
            truth_row("b", [2], "changed", 2),
            {**truth_row("c", [], "in_review", None), "judged": [1, 2]},
            truth_row("d", [4], "changed", 4),
        ],
    )
    return workspace


def answer_row(name: str, answer: int, probability: float) -> dict[str, Any]:
    return {**prediction(name, [answer]), "probability": [probability]}


def test_the_same_wrong_answer_of_all_models(workspace: Workspace) -> None:
    """Mutation: original labels in place of people's make a mistake of b, and none of d."""
    suspects = find(workspace, "mistake").set_index("image_id")
    assert set(suspects.index) == {"a", "c", "d"}  # e: models differ; f: outside the classes; g: one model
    assert suspects.flagged.all() and set(suspects.score) == {0.625}
    assert {name: row["answer"] for name, row in suspects.evidence.items()} == {"a": 2, "c": 2, "d": 1}
    assert {name: row["rejected"] for name, row in suspects.evidence.items()} == {"a": True, "c": False, "d": False}
    assert suspects.settled_by["a"] == "votes" and suspects.settled_by.isna()["c"]
    assert {name: list(proposed) for name, proposed in suspects.proposed.items()} == {"a": [], "c": [2], "d": [1]}


def test_unknown_probabilities_are_no_zero_in_the_mean(workspace: Workspace) -> None:
    put(workspace, "predictions/n", [answer_row("a", 2, float("nan")), answer_row("c", 2, float("nan"))])
    put(workspace, "predictions/m", [answer_row("a", 2, 0.5), answer_row("c", 2, float("nan"))])
    suspects = find(workspace, "mistake").set_index("image_id")
    assert suspects.score.to_dict() == {"a": 0.5, "c": 0.0}
    assert suspects.evidence["c"]["probability"] is None


def test_one_model_shares_nothing(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path / "w"))
    put(workspace, "images", [image("a", 1)])
    put(workspace, "predictions/m", [prediction("a", [2])])
    with pytest.raises(RegroundError, match=r"'mistake'.*two models or more, there are 1"):
        find(workspace, "mistake")
