"""The report's tables of models on what people found: who is ahead, by objects, by superclass."""

from __future__ import annotations

from typing import Any

import pytest

from reground.tasks.report.comparison import in_order, judged
from reground.tasks.report.models import Evaluation
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, render
from reground.tasks.workspace import Workspace
from tests.support.report_world import Page
from tests.support.tables import put

VALUES = {"best": 0.9, "mid": 0.8, "low": 0.79}


def number(model: str, metric: str, subset: str, value: float, n: int = 100) -> dict[str, Any]:
    return {
        "model": model,
        "set": "photographs",
        "metric": metric,
        "subset": subset,
        "value": value,
        "low": value - 0.05,
        "high": value + 0.05,
        "n": n,
        "recipe": "",
        "truth": "original" if metric == "top1_original" and subset == "all" else "own",
        "truth_version": "v",
        "sources": "recorded",
    }


def pair(a: str, b: str, difference: float, p: float, metric: str, subset: str) -> dict[str, Any]:
    return {
        "model_a": a,
        "model_b": b,
        "metric": metric,
        "subset": subset,
        "difference": difference,
        "low": difference - 0.03,
        "high": difference + 0.01,
        "p_value": p / 3,
        "p_holm": p,
        "order_held": 0.97,
        "only_a": 3,
        "only_b": 9,
        "n": 100,
        "truth": "original" if metric == "top1_original" and subset == "all" else "own",
        "truth_version": "v",
        "sources": "recorded",
    }


def pairs(metric: str, subset: str) -> list[dict[str, Any]]:
    """`model_a` is the first by name, whoever is ahead."""
    return [
        pair("best", "low", 0.11, 0.0001, metric, subset),
        pair("best", "mid", 0.1, 0.0001, metric, subset),
        pair("low", "mid", -0.01, 0.6, metric, subset),
    ]


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    made = Workspace(workspace_url)
    rows = [number(model, "multi_label", "reviewed", value) for model, value in VALUES.items()]
    rows += [number(model, "top1_original", "reviewed", 0.5) for model in VALUES]
    rows += [number(model, "real_accuracy", "superclass:Dogs", value - 0.3) for model, value in VALUES.items()]
    rows += [number(model, "real_accuracy", "superclass:Birds", value) for model, value in VALUES.items()]
    rows += [number("best", "multi_label", "multi_object", 0.7)]
    for place, model in enumerate(VALUES, start=1):
        rows.append({**number(model, "rank_multi_label", "reviewed", place), "low": 1.0, "high": 3.0})
    put(made, "evaluation", rows)
    put(made, "comparison", [*pairs("multi_label", "reviewed"), *pairs("top1_original", "all")])
    put(made, "votes", [])
    return made


def test_each_model_is_held_against_the_next(workspace: Workspace) -> None:
    snapshot = Snapshot(workspace)
    order = in_order(snapshot, Evaluation(snapshot))
    assert order and (order.metric, order.told, order.pairs) == ("multi_label", 2, 3)
    assert [place.model for place in order.places] == ["best", "mid", "low"]
    best, mid, low = order.places
    assert best.gap and mid.gap and low.gap is None
    assert (best.gap.value, best.gap.low, best.gap.high) == pytest.approx((0.1, 0.07, 0.11))
    assert (mid.gap.value, mid.gap.low, mid.gap.high) == pytest.approx((0.01, 0.0, 0.04))  # turned around
    assert (best.sure, mid.sure, low.sure) == (True, False, False)
    assert (best.p_text, mid.p_text) == ("< 0.001", "0.600")
    assert (best.rank.low, best.rank.high) == (1.0, 3.0)


def test_columns_nobody_has_numbers_for_are_left_out(workspace: Workspace) -> None:
    snapshot = Snapshot(workspace)
    shown = judged(snapshot, Evaluation(snapshot))
    assert [column[1] for column in shown["people_columns"]] == ["several objects"]
    known = {model: [number.known for number in numbers] for model, numbers in shown["people_rows"]}
    assert known == {"best": [True], "mid": [False], "low": [False]}


def test_the_hardest_superclass_comes_first(workspace: Workspace) -> None:
    snapshot = Snapshot(workspace)
    shown = judged(snapshot, Evaluation(snapshot))
    assert [name for name, _ in shown["super_rows"]] == ["Dogs", "Birds"]
    assert (shown["super_metric"], shown["super_models"]) == ("ReaL accuracy", ["best", "mid", "low"])


def test_the_page_says_so(workspace: Workspace) -> None:
    page = Page(render(Snapshot(workspace), ReportSettings()))
    assert page.line("2 of 3 pairs of models can be told apart by multi-label accuracy", "Holm")
    assert page.line("best", "90.0 %", "+10.0", "1 to 3", "< 0.001", "97.0 %")
    assert page.line("mid", "80.0 %", "+1.0", "0.600", "not told apart")
    assert page.line("Dogs", "60.0 %", "50.0 %")


def test_one_model_alone_is_in_no_order(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "evaluation", [number("only", "real_accuracy", "all", 0.5)])
    put(workspace, "comparison", [])
    snapshot = Snapshot(workspace)
    assert in_order(snapshot, Evaluation(snapshot)) is None
    page = Page(render(snapshot, ReportSettings()))
    assert page.line("only", "50.0 %", "n 100") and "can be told apart" not in page.text()


def test_without_votes_the_original_labels_rank(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "evaluation", [number(model, "top1_original", "all", value) for model, value in VALUES.items()])
    put(workspace, "comparison", pairs("top1_original", "all"))
    snapshot = Snapshot(workspace)
    order = in_order(snapshot, Evaluation(snapshot))
    assert order and not order.on_votes and not any(place.rank.known for place in order.places)
