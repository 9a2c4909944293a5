"""Models against labels that others publish, beside the own truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reground.tasks.errors import UsageError
from reground.tasks.evaluation import step as evaluation
from reground.tasks.evaluation.step import EvaluationSettings
from reground.tasks.workspace import Workspace, finish, retire, run_shard, todo
from tests.support.tables import image, prediction, put, put_truth, reference_row, truth_row

IDS = [f"i{n}" for n in range(40)]


def evaluate(workspace: Workspace, settings: EvaluationSettings | None = None) -> pd.DataFrame:
    chosen = settings or EvaluationSettings(resamples=20)
    plan = todo(evaluation.STEP, workspace, chosen)
    retire(evaluation.STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(evaluation.STEP, workspace, chosen, shard)
    finish(evaluation.STEP, workspace, plan)
    return workspace.read("evaluation")


def value(table: pd.DataFrame, model: str, metric: str, subset: str, truth: str) -> tuple[float, int]:
    keys = ["model", "metric", "subset", "truth"]
    row = table.set_index(keys).loc[(model, metric, subset, truth)]
    return float(row["value"]), int(row["n"])


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    made = Workspace(workspace_url)
    put(made, "images", [image("a", 7), image("b", 7), image("c", 8), image("d", 9)])
    put(made, "predictions/m", [prediction("a", [7]), prediction("b", [3]), prediction("c", [8]), prediction("e", [4])])
    put(made, "predictions/w", [prediction("a", [3]), prediction("b", [3]), prediction("c", [3]), prediction("e", [4])])
    put_truth(made, [truth_row("a", [7], "confirmed", 7), truth_row("b", [7], "confirmed", 7)])
    rows = [reference_row("a", [3, 7], [0.9, 0.2]), reference_row("b", []), reference_row("c", [3])]
    put(made, "reference_truths/real", [*rows, reference_row("e", [4]), reference_row("nobody-predicted", [1])])
    return made


def test_each_truth_has_rows_of_its_own_with_its_name_and_n(workspace: Workspace) -> None:
    table = evaluate(workspace)
    assert value(table, "m", "multi_label", "reviewed", "own") == (0.5, 2)
    # a and e are right; c is wrong; b has no label that holds, so nobody is judged on it
    assert value(table, "m", "multi_label", "reviewed", "real") == (pytest.approx(2 / 3), 3)
    assert value(table, "m", "top1_original", "all", "original") == (pytest.approx(2 / 3), 3)
    # original labels over the photographs of the reference: e has none
    assert value(table, "m", "top1_original", "reviewed", "real") == (1.0, 2)
    assert value(table, "w", "rank_multi_label", "reviewed", "real") == (1.0, 3)
    assert value(table, "m", "rank_multi_label", "reviewed", "real") == (2.0, 3)
    assert value(table, "m", "rank_multi_label", "reviewed", "own") == (1.0, 2)
    assert not table.duplicated(["model", "set", "metric", "subset", "truth"]).any()
    real = table[table["truth"] == "real"]
    assert set(real["truth_version"]) == {workspace.table_digest("reference_truths/real")[:12]}
    assert set(real["metric"]) & {"main_label", "selection_frequency", "nobody_asked"} == set()
    assert "real" in set(workspace.read("comparison")["truth"])


def test_references_are_selected_and_unknown_ones_are_refused(workspace: Workspace) -> None:
    put(workspace, "reference_truths/other", [reference_row("a", [3])])
    assert set(evaluate(workspace)["truth"]) == {"original", "own", "other", "real"}
    assert set(evaluate(workspace, EvaluationSettings(references=("other",)))["truth"]) == {"original", "own", "other"}
    assert set(evaluate(workspace, EvaluationSettings(references=("none",)))["truth"]) == {"original", "own"}
    with pytest.raises(UsageError, match=r"evaluate\.references.*'reel': did you mean 'real'.*none, other, real"):
        evaluate(workspace, EvaluationSettings(references=("reel",)))


def test_another_reference_leaves_the_other_numbers_as_they_are(workspace: Workspace) -> None:
    settings = EvaluationSettings(resamples=20)
    evaluate(workspace)
    put(workspace, "reference_truths/other", [reference_row("a", [3])])
    missing = todo(evaluation.STEP, workspace, settings).missing
    assert [shard.id for shard in missing] == ["+photographs+other"]


def test_a_reference_and_predictions_are_enough(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "reference_truths/real", [reference_row("a", [3])])
    put(workspace, "predictions/m", [prediction("a", [3])])
    assert value(evaluate(workspace), "m", "multi_label", "reviewed", "real") == (1.0, 1)


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_is_what_a_loop_over_sets_gives(workspace_url: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = {i: sorted(set(rng.integers(0, 4, rng.integers(0, 3)).tolist())) for i in IDS}
    top = {i: int(rng.integers(0, 4)) for i in IDS if rng.random() < 0.8}
    workspace = Workspace(workspace_url)
    put(workspace, "reference_truths/real", [reference_row(i, row) for i, row in labels.items()])
    put(workspace, "predictions/m", [prediction(i, [label]) for i, label in top.items()])
    counted = [i for i in top if labels[i]]
    expected = sum(top[i] in labels[i] for i in counted) / len(counted)
    assert value(evaluate(workspace), "m", "multi_label", "reviewed", "real") == (pytest.approx(expected), len(counted))
