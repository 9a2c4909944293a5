"""Confidence and calibration against labels: counted by hand, and of planted models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from reground.tasks.evaluation import STEP, EvaluationSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, judged_row, prediction, put, put_truth, reference_row

LABEL, OTHER, THIRD = 7, 3, 5


def sure(image_id: str, ranked: Sequence[int], probability: Sequence[float], of_original: float | None = None) -> Any:
    row = prediction(image_id, ranked)
    return {**row, "probability": list(probability), "original_probability": of_original}


def evaluate(workspace: Workspace, **settings: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows of evaluation by metric, subset and truth."""
    whole = EvaluationSettings(**settings)
    for shard in todo(STEP, workspace, whole).missing:
        run_shard(STEP, workspace, whole, shard)
    rows = workspace.read_arrow("evaluation").to_pylist()
    return {(row["metric"], row["subset"], row["truth"]): row for row in rows}


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    """One image of each outcome, one in review, one of which the model tells no probability."""
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(name, LABEL) for name in "abcdef"])
    put_truth(
        workspace,
        [
            judged_row("a", "confirmed", {LABEL: 1.0}, original=LABEL),
            judged_row("b", "extended", {LABEL: 1.0, OTHER: 1.0}, original=LABEL),
            judged_row("c", "changed", {OTHER: 1.0, LABEL: 0.0}, original=LABEL),
            judged_row("d", "empty", {LABEL: 0.0, OTHER: 0.0}, original=LABEL),
            judged_row("e", "in_review", {LABEL: 0.5}, original=LABEL),
            judged_row("f", "changed", {OTHER: 1.0, LABEL: 0.0}, original=LABEL),
        ],
    )
    put(
        workspace,
        "predictions/m",
        [
            sure("a", [LABEL, OTHER], [0.9, 0.1]),
            sure("b", [OTHER, LABEL], [0.6, 0.4]),
            sure("c", [LABEL, OTHER], [0.8, 0.2]),
            sure("d", [THIRD], [0.5], of_original=0.3),
            sure("e", [LABEL], [1.0]),
            sure("f", [LABEL], [float("nan")], of_original=None),
        ],
    )
    return workspace


def test_confidence_and_accuracy_by_what_people_decided(workspace: Workspace) -> None:
    table = evaluate(workspace)
    for metric, subset, value, n in (
        ("confidence", "confirmed", 0.9, 1),
        ("confidence", "extended", 0.6, 1),
        ("confidence", "changed", 0.8, 1),
        ("confidence", "empty", 0.5, 1),
        ("confidence", "reviewed", (0.9 + 0.6 + 0.8) / 3, 3),
        ("original_probability", "extended", 0.4, 1),
        ("original_probability", "changed", 0.8, 1),
        ("original_probability", "empty", 0.3, 1),
        ("multi_label", "changed", 0.0, 2),
        ("multi_label", "extended", 1.0, 1),
        ("top1_original", "changed", 1.0, 2),
        ("top1_original", "extended", 0.0, 1),
        ("top1_original", "empty", 0.0, 1),
    ):
        row = table[metric, subset, "own"]
        assert (row["value"], row["n"]) == (pytest.approx(value, abs=1e-6), n), (metric, subset)
        assert row["low"] <= row["value"] <= row["high"] and row["sources"] == "recorded"
    row = table["confidence", "all", "original"]
    assert (row["value"], row["n"]) == (pytest.approx((0.9 + 0.6 + 0.8 + 0.5 + 1.0) / 5), 5)
    assert ("multi_label", "empty", "own") not in table  # no label holds: any answer is wrong
    assert ("confidence", "labelled", "own") not in table


def test_reliability_counts_settled_images_and_all(workspace: Workspace) -> None:
    table = evaluate(workspace)
    bins = workspace.read("calibration")
    of_original, own = (bins[bins["truth"] == truth] for truth in ("original", "own"))
    assert of_original["n"].sum() == table["ece_original", "all", "original"]["n"] == 5
    assert own["n"].sum() == table["ece_multi_label", "reviewed", "own"]["n"] == 3
    by_confidence = {round(row["confidence"], 3): row["accuracy"] for row in own.to_dict("records")}
    assert by_confidence == {0.6: 1.0, 0.8: 0.0, 0.9: 1.0}
    assert (
        own["bin"].tolist() == [1, 2, 3] and ((own["low"] <= own["accuracy"]) & (own["accuracy"] <= own["high"])).all()
    )
    error = (0.4 + 0.8 + 0.1) / 3
    assert table["ece_multi_label", "reviewed", "own"]["value"] == pytest.approx(error, abs=1e-6)
    assert evaluate(workspace, bins=1)["ece_multi_label", "reviewed", "own"]["value"] == pytest.approx(
        abs((0.6 + 0.8 + 0.9) / 3 - 2 / 3), abs=1e-6
    )


def test_without_probabilities_there_is_no_calibration(workspace: Workspace) -> None:
    put(workspace, "predictions/m", [sure(name, [LABEL], [float("nan")]) for name in "abc"])
    table = evaluate(workspace)
    assert workspace.read("calibration").empty
    assert not [metric for metric, _, _ in table if metric.startswith(("ece", "confidence"))]


def test_a_reference_truth_has_its_own_reliability_table(workspace: Workspace) -> None:
    put(workspace, "reference_truths/published", [reference_row("a", [OTHER]), reference_row("b", [OTHER])])
    table = evaluate(workspace)
    bins = workspace.read("calibration")
    assert bins.loc[bins["truth"] == "published", "n"].sum() == 2
    assert not bins.duplicated(["model", "truth", "bin"]).any()
    row = table["ece_multi_label", "reviewed", "published"]
    assert (row["value"], row["n"]) == (pytest.approx((0.9 + 0.4) / 2, abs=1e-6), 2)


def test_label_errors_make_a_calibrated_model_look_miscalibrated(workspace_url: str) -> None:
    """Of 600 images a fifth has a wrong original label; the model is right by people as often as it says.

    Fails where either table takes the other's labels.
    """
    rng, n = np.random.default_rng(1), 600
    workspace, ids = Workspace(workspace_url), [f"i{number:03d}" for number in range(n)]
    confidence = rng.uniform(0.5, 1, n)
    first = np.where(rng.random(n) < confidence, LABEL, OTHER)  # LABEL is what people say
    original = np.where(rng.random(n) < 0.2, THIRD, LABEL)
    put(workspace, "images", [image(name, int(label)) for name, label in zip(ids, original, strict=True)])
    rows = [
        judged_row(name, "confirmed" if label == LABEL else "changed", {LABEL: 1.0, OTHER: 0.0}, original=int(label))
        for name, label in zip(ids, original, strict=True)
    ]
    put_truth(workspace, rows)
    answers = [sure(name, [int(label)], [float(p)]) for name, label, p in zip(ids, first, confidence, strict=True)]
    put(workspace, "predictions/m", answers)
    table = evaluate(workspace)
    own = table["ece_multi_label", "reviewed", "own"]
    chance = table["ece_multi_label_by_chance", "reviewed", "own"]
    assert chance["low"] <= own["value"] <= chance["high"] and own["low"] <= chance["value"] <= own["high"]
    for subset, truth in (("all", "original"), ("reviewed", "own")):
        wrong = table["ece_original", subset, truth]
        assert wrong["low"] > chance["high"] and wrong["value"] == pytest.approx(0.2 * 0.75, abs=0.04)
