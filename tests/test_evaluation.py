"""Evaluation on a case small enough to count by hand."""

from __future__ import annotations

import pytest

from tasks import evaluation
from tasks.step import run_shard, todo
from tasks.store import Workspace
from tests.tables import image, prediction, put

GROUPS = [{"group": g, "name": n, "class_idx": c} for g, n, c in [(0, "Dog", 7), (0, "Dog", 3), (1, "Bird", 8)]]


def truth_row(image_id: str, labels: list[int], status: str, main: int | None) -> dict[str, object]:
    return {
        "image_id": image_id,
        "labels": labels,
        "judged": labels,
        "confidence": [1.0] * len(labels),
        "shown": [5] * len(labels),
        "main_label": main,
        "main_tied": False,
        "num_objects": 1,
        "objects": [],
        "votes": 5,
        "sources": ["recorded"],
        "routing": "several",
        "status": status,
    }


@pytest.fixture
def evaluated(workspace_url: str) -> dict[tuple[str, str, str], tuple[float, int]]:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7), image("b", 7), image("c", 8), image("d", 9)])
    put(workspace, "groups", GROUPS)
    rows = [prediction("a", [7, 3]), prediction("b", [3, 7]), prediction("c", [-1, 8]), prediction("d", [9, 1])]
    rows += [prediction(i, [3], "mixed_same") for i in "abc"] + [prediction(i, [8], "mixed_rand") for i in "bc"]
    put(workspace, "predictions/m", rows)
    put(
        workspace,
        "truth",
        [
            truth_row("a", [7], "confirmed", 7),
            truth_row("b", [3, 7], "extended", 7),
            truth_row("c", [], "empty", None),
            truth_row("d", [9], "unreviewed", None),
        ],
    )
    settings = evaluation.EvaluationSettings()
    for shard in evaluation.plan(workspace, settings):
        run_shard(evaluation.STEP, workspace, settings, shard)
    assert not todo(evaluation.STEP, workspace, settings).missing
    table = workspace.read("evaluation")
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert set(table.loc[table["metric"] == "multi_label", "sources"]) == {"recorded"}
    assert set(table.loc[table["metric"] == "group_accuracy", "truth_version"]) == {""}
    keys = zip(table["set"], table["metric"], table["subset"], strict=True)
    return dict(zip(keys, zip(table["value"], table["n"], strict=True), strict=True))


def test_original_labels(evaluated: dict[tuple[str, str, str], tuple[float, int]]) -> None:
    assert evaluated["photographs", "top1_original", "all"] == (0.5, 4)
    assert evaluated["photographs", "top5_original", "all"] == (1.0, 4)


def test_what_people_found_counts_only_where_they_settled_it(
    evaluated: dict[tuple[str, str, str], tuple[float, int]],
) -> None:
    assert evaluated["photographs", "top1_original", "reviewed"] == (0.5, 2)
    assert evaluated["photographs", "multi_label", "reviewed"] == (1.0, 2)
    assert evaluated["photographs", "main_label", "reviewed"] == (0.5, 2)


def test_groups_and_gap(evaluated: dict[tuple[str, str, str], tuple[float, int]]) -> None:
    assert evaluated["mixed_same", "group_accuracy", "all"] == (pytest.approx(2 / 3), 3)
    assert evaluated["mixed_same", "group_accuracy", "Dog"] == (1.0, 2)
    assert evaluated["mixed_same", "group_accuracy", "Bird"] == (0.0, 1)
    assert evaluated["mixed_rand", "group_accuracy", "all"] == (0.5, 2)
    # over b and c, the two images that both variants have: (1 + 0) / 2 - (0 + 1) / 2
    assert evaluated["mixed_same,mixed_rand", "bg_gap", "all"] == (0.0, 2)


def test_a_class_in_no_group_is_wrong(evaluated: dict[tuple[str, str, str], tuple[float, int]]) -> None:
    assert ("no_fg", "group_accuracy", "all") not in evaluated
    assert evaluated["mixed_same", "group_accuracy", "Bird"][0] == 0


def test_without_votes_there_is_nothing_to_say_of_people(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7)])
    put(workspace, "predictions/m", [prediction("a", [7])])
    settings = evaluation.EvaluationSettings()
    for shard in evaluation.plan(workspace, settings):
        run_shard(evaluation.STEP, workspace, settings, shard)
    table = workspace.read("evaluation").set_index(["metric", "subset"])
    assert table.loc[("top1_original", "all"), "n"] == 1
    assert table.loc[("multi_label", "reviewed"), "n"] == 0
    assert set(table["sources"]) == {""}
