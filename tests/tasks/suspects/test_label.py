"""Label errors that were planted come first, and what nobody knows has no score."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reground.tasks.suspects import STEP, SuspectSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, put

CLASSES, EACH = 6, 12


def row(image_id: str, ranked: list[int], probability: list[float], original: float | None = None) -> dict[str, Any]:
    return {
        "set": "photographs", "image_id": image_id, "class_idx": ranked, "probability": probability,
        "original_probability": original, "entropy": None, "recipe": "{}",
    }  # fmt: skip


def suspects(workspace: Workspace, **settings: Any) -> pd.DataFrame:
    found = SuspectSettings(find=("label",), **settings)
    for shard in todo(STEP, workspace, found).missing:
        run_shard(STEP, workspace, found, shard)
    return workspace.read("suspects").set_index("image_id")


def evidence(frame: pd.DataFrame, image_id: str) -> dict[str, Any]:
    return json.loads(frame.loc[image_id, "evidence"])


def test_the_margin_of_the_mean_of_the_models(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 1), image("b", 1)])
    put(workspace, "predictions/m", [row("a", [2, 1], [0.5, 0.25]), row("b", [1, 2], [0.75, 0.25])])
    put(workspace, "predictions/n", [row("a", [2, 3], [0.75, 0.125], 0.0625), row("b", [1, 2], [1.0, 0.0])])
    frame = suspects(workspace)
    assert frame.index.tolist() == ["a", "b"]  # the most suspect first
    assert frame.loc["a", "score"] == (1 - ((0.25 + 0.0625) / 2 - (0.5 + 0.75) / 2)) / 2
    assert frame.loc["a", "flagged"] and not frame.loc["b", "flagged"]
    assert list(frame.loc["a", "proposed"]) == [2] and frame.loc["a", "class_idx"] == 1
    assert evidence(frame, "a")["answers"] == {"m": 2, "n": 2}
    assert frame.loc["a", "model"] == "m,n"


def test_models_that_do_not_agree_on_another_class_flag_nothing(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 1)])
    put(workspace, "predictions/m", [row("a", [2, 1], [0.75, 0.0])])
    put(workspace, "predictions/n", [row("a", [3, 1], [0.75, 0.0])])
    frame = suspects(workspace)
    assert frame.loc["a", "score"] > 0.5 and not frame.loc["a", "flagged"]


def test_what_no_model_tells_has_no_score(workspace_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Mutation: a missing probability that counts as 0 makes 'b' the first suspect."""
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 1), image("b", 1), image("c", 1), image("d", 1)])
    nan = float("nan")
    put(workspace, "predictions/m", [row("a", [1], [1.0]), row("b", [2], [0.9]), row("c", [1], [nan])])
    assert suspects(workspace).index.tolist() == ["a"]
    assert "3 photographs have no score" in caplog.text


def test_a_model_without_a_prediction_of_an_image_does_not_count_there(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 1)])
    put(workspace, "predictions/m", [row("a", [2, 1], [0.75, 0.25])])
    put(workspace, "predictions/n", [row("elsewhere", [1], [1.0])])
    frame = suspects(workspace)
    assert frame.loc["a", "flagged"] and evidence(frame, "a")["models"] == 1
    assert frame.loc["a", "score"] == 0.75


def planted(workspace: Workspace, flips: int = 4) -> set[str]:
    """Images of which a model is mostly sure, some of them with another label; these."""
    rng = np.random.default_rng(0)
    images, rows, wrong = [], [], set()
    for n in range(CLASSES * EACH):
        true = n % CLASSES
        probability = rng.dirichlet(np.where(np.arange(CLASSES) == true, 30.0, 1.0))
        label = (true + 1) % CLASSES if n < flips else true
        wrong |= {f"{n:03d}"} if n < flips else set()
        ranked = np.argsort(-probability)
        images.append(image(f"{n:03d}", label))
        rows.append(row(f"{n:03d}", ranked.tolist(), probability[ranked].tolist()))
    put(workspace, "images", images)
    put(workspace, "predictions/m", rows)
    return wrong


@pytest.mark.parametrize("out_of_sample", [False, True])
def test_planted_errors_come_first_and_alone_are_flagged(workspace_url: str, out_of_sample: bool) -> None:
    """Mutation: the sign of the margin turned round puts them last."""
    workspace = Workspace(workspace_url)
    wrong = planted(workspace)
    frame = suspects(workspace, out_of_sample=out_of_sample)
    assert set(frame.index[: len(wrong)]) == wrong == set(frame.index[frame["flagged"]])
    rule = "confident joint" if out_of_sample else "agreement"
    assert {json.loads(text)["rule"] for text in frame["evidence"]} == {rule}


def test_thin_classes_are_not_left_to_confident_learning(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 1), image("b", 2)])
    put(workspace, "predictions/m", [row("a", [2, 1], [0.9, 0.1]), row("b", [2, 1], [0.9, 0.1])])
    frame = suspects(workspace, out_of_sample=True)
    assert frame["flagged"].to_dict() == {"a": True, "b": False}
    assert evidence(frame, "a")["rule"] == "agreement"
