"""How far a model's confidence can be trusted, as the report shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.tasks.report.calibration import confidences, curves
from reground.tasks.report.models import Evaluation
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, render
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, image, put


def reliability(model: str, truth: str, number: int, confidence: float, accuracy: float) -> dict[str, Any]:
    interval = {"low": max(accuracy - 0.1, 0.0), "high": min(accuracy + 0.1, 1.0)}
    return {
        "model": model,
        "truth": truth,
        "bin": number,
        "confidence": confidence,
        "accuracy": accuracy,
        "n": 40,
        **interval,
    }


def evaluation_row(
    model: str, metric: str, value: float, low: float = 0.0, high: float = 1.0, subset: str = "all"
) -> dict[str, Any]:
    return {
        "model": model,
        "set": "photographs",
        "metric": metric,
        "subset": subset,
        "value": value,
        "low": low,
        "high": high,
        "n": 100,
        "recipe": "",
        "truth": "original" if subset == "all" else "own",
        "truth_version": "",
        "sources": "",
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    put(made, "classes", [class_row(7, "tench")])
    put(made, "images", [image("a", 7)])
    return made


def test_a_curve_has_its_bins_in_order_and_its_error_beside_what_chance_makes(workspace: Workspace) -> None:
    put(
        workspace,
        "calibration",
        [
            reliability("m", "original", 2, 0.9, 0.6),
            reliability("m", "original", 1, 0.3, 0.3),
            reliability("m", "other", 1, 0.3, 0.3),
        ],
    )
    put(
        workspace,
        "evaluation",
        [
            evaluation_row("m", "ece_original", 0.15, 0.12, 0.2),
            evaluation_row("m", "ece_original_by_chance", 0.04, 0.02, 0.06),
        ],
    )
    snapshot = Snapshot(workspace)
    found = curves(snapshot, Evaluation(snapshot))
    assert list(found) == ["original"]
    (curve,) = found["original"]
    assert [confidence for confidence, _ in curve.bins] == [0.3, 0.9]
    assert curve.error.value == 0.15 and not curve.is_chance
    page = render(snapshot, ReportSettings())
    assert "How far a model’s confidence can be trusted" in page and "chance makes 2.0 to 6.0" in page
    assert "no sign of a fault</span>" not in page


def test_an_error_within_chance_is_called_that(workspace: Workspace) -> None:
    put(workspace, "calibration", [reliability("m", "original", 1, 0.3, 0.3)])
    rows = [evaluation_row("m", "ece_original", 0.05), evaluation_row("m", "ece_original_by_chance", 0.04, 0.02, 0.06)]
    put(workspace, "evaluation", rows)
    assert "chance makes 2.0 to 6.0: no sign of a fault" in render(Snapshot(workspace), ReportSettings())


def test_few_images_make_no_diagram(workspace: Workspace) -> None:
    put(workspace, "calibration", [{**reliability("m", "original", 1, 0.3, 0.3), "n": 4}])
    put(workspace, "evaluation", [evaluation_row("m", "ece_original", 0.05)])
    page = render(Snapshot(workspace), ReportSettings())
    assert "too few photographs for a diagram" in page and 'class="diagonal"' not in page


def test_confidence_stands_by_what_people_decided(workspace: Workspace) -> None:
    rows = [
        evaluation_row("m", "confidence", 0.8, subset="changed"),
        evaluation_row("m", "original_probability", 0.7, subset="changed"),
        evaluation_row("n", "confidence", 0.8, subset="all"),
    ]
    put(workspace, "evaluation", rows)
    ((model, pairs),) = confidences(Evaluation(Snapshot(workspace)))
    assert model == "m"
    assert [(first.known, original.known) for first, original in pairs] == [
        (False, False),
        (False, False),
        (True, True),
        (False, False),
    ]


def test_without_predictions_the_page_does_not_mention_it(workspace: Workspace) -> None:
    assert "confidence can be trusted" not in render(Snapshot(workspace), ReportSettings())
