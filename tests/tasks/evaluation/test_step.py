"""Evaluation on a case small enough to count by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from reground.tasks.evaluation import step as evaluation
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, prediction, put, put_truth, truth_row

Numbers = dict[tuple[str, str, str], tuple[float, int]]
GROUPS = [{"group": g, "name": n, "class_idx": c} for g, n, c in [(0, "Dog", 7), (0, "Dog", 3), (1, "Bird", 8)]]


def variant_rows(groups: dict[str, int]) -> list[dict[str, object]]:
    """Rows of variants/NAME, as if they had pictures: image_id -> group."""
    nothing = {
        "background_id": None,
        "class_idx": 0,
        "background_group": None,
        "seed": 0,
        "image": {"bytes": b"", "path": ""},
    }
    return [{"image_id": image_id, "group": group, **nothing} for image_id, group in groups.items()]


def adversarial_row(image_id: str, group: int, vulnerable: bool, outcome: str | None) -> dict[str, object]:
    return {
        "image_id": image_id,
        "group": group,
        "clean_class": 3,
        "clean_correct": outcome is not None,
        "vulnerable": vulnerable,
        "fooled_by": "b" if vulnerable else None,
        "fooled_into": 1 if vulnerable else None,
        "passes": 2,
        "outcome": outcome,
        "misled_by": None,
        "outcome_passes": 0,
        "worst": [],
        "worst_probability": [],
    }


def evaluate(workspace: Workspace) -> pd.DataFrame:
    settings = evaluation.EvaluationSettings()
    for shard in evaluation.plan(workspace, settings):
        run_shard(evaluation.STEP, workspace, settings, shard)
    assert not todo(evaluation.STEP, workspace, settings).missing
    table = workspace.read("evaluation")
    known = table[table["n"] > 0]
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    return table


def by_key(table: pd.DataFrame) -> Numbers:
    keys = zip(table["set"], table["metric"], table["subset"], strict=True)
    return dict(zip(keys, zip(table["value"], table["n"], strict=True), strict=True))


@pytest.fixture
def evaluated(workspace_url: str) -> Numbers:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7), image("b", 7), image("c", 8), image("d", 9)])
    put(workspace, "groups", GROUPS)
    rows = [prediction("a", [7, 3]), prediction("b", [3, 7]), prediction("c", [-1, 8]), prediction("d", [9, 1])]
    rows += [prediction(i, [3], "mixed_same") for i in "abc"] + [prediction(i, [8], "mixed_rand") for i in "bc"]
    put(workspace, "predictions/m", rows)
    for name in ("mixed_same", "mixed_rand"):
        put(workspace, f"variants/{name}", variant_rows({"a": 0, "b": 0, "c": 1}))
    put_truth(
        workspace,
        [
            truth_row("a", [7], "confirmed", 7),
            truth_row("b", [3, 7], "extended", 7),
            truth_row("c", [], "empty", None),
            truth_row("d", [9], "unreviewed", None),
        ],
    )
    table = evaluate(workspace)
    assert set(table.loc[table["metric"] == "multi_label", "sources"]) == {"recorded"}
    assert set(table.loc[table["metric"] == "group_accuracy", "truth_version"]) == {""}
    return by_key(table)


def test_original_labels(evaluated: Numbers) -> None:
    assert evaluated["photographs", "top1_original", "all"] == (0.5, 4)
    assert evaluated["photographs", "top5_original", "all"] == (1.0, 4)


def test_what_people_found_counts_only_where_they_settled_it(
    evaluated: Numbers,
) -> None:
    assert evaluated["photographs", "top1_original", "reviewed"] == (0.5, 2)
    assert evaluated["photographs", "multi_label", "reviewed"] == (1.0, 2)
    assert evaluated["photographs", "main_label", "reviewed"] == (0.5, 2)


def test_groups_and_gap(evaluated: Numbers) -> None:
    assert evaluated["mixed_same", "group_accuracy", "all"] == (pytest.approx(2 / 3), 3)
    assert evaluated["mixed_same", "group_accuracy", "Dog"] == (1.0, 2)
    assert evaluated["mixed_same", "group_accuracy", "Bird"] == (0.0, 1)
    assert evaluated["mixed_rand", "group_accuracy", "all"] == (0.5, 2)
    assert evaluated["mixed_same", "group_accuracy", "balanced"] == (0.5, 3)  # (2 of 2 dogs + 0 of 1 bird) / 2
    # over b and c, the two images that both variants have: (1 + 0) / 2 - (0 + 1) / 2
    assert evaluated["mixed_same,mixed_rand", "bg_gap", "all"] == (0.0, 2)
    assert evaluated["mixed_same,mixed_rand", "bg_gap", "Dog"] == (1.0, 1)
    assert evaluated["mixed_same,mixed_rand", "bg_gap", "Bird"] == (-1.0, 1)
    assert evaluated["mixed_same,mixed_rand", "bg_gap", "balanced"] == (0.0, 2)


def test_a_class_in_no_group_is_wrong(evaluated: Numbers) -> None:
    assert ("no_fg", "group_accuracy", "all") not in evaluated
    assert evaluated["mixed_same", "group_accuracy", "Bird"][0] == 0


def test_without_votes_there_is_nothing_to_say_of_people(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7)])
    put(workspace, "predictions/m", [prediction("a", [7])])
    table = evaluate(workspace).set_index(["metric", "subset"])
    assert table.loc[("top1_original", "all"), "n"] == 1
    names = ("top1_original", "top5_original", "confidence", "original_probability", "ece_original")
    everywhere = {(name, "all") for name in (*names, "ece_original_by_chance")}
    assert set(table.index) == {*everywhere, ("top1_original", "reviewed")}
    assert table.loc[("top1_original", "reviewed"), "n"] == 0
    assert set(table["sources"]) == {""}


def test_the_variant_itself_says_whose_group_is_right(workspace_url: str) -> None:
    """Released data have no class an image, and predictions may be older than the variants."""
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 9)])
    put(workspace, "groups", GROUPS)
    put(workspace, "variants/no_fg", variant_rows({"a": 0, "b": 1}))
    put(workspace, "predictions/m", [prediction(i, [3], "no_fg") for i in ("a", "b", "gone")])
    found = by_key(evaluate(workspace))
    assert found["no_fg", "group_accuracy", "all"] == (0.5, 2)
    assert ("photographs", "top1_original", "all") not in found


def test_both_compositions_and_how_they_differ(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(i, 7) for i in "abc"])
    put(workspace, "groups", GROUPS)
    predicted = {
        "mixed_same": [3, 3, 3],
        "mixed_rand": [3, 8, 8],
        "mixed_same_published": [3, 3, 8],
        "mixed_rand_published": [8, 8, -1],
    }
    rows = [
        prediction(i, [y], name) for name, classes in predicted.items() for i, y in zip("abc", classes, strict=True)
    ]
    put(workspace, "predictions/m", rows)
    for name in predicted:
        put(workspace, f"variants/{name}", variant_rows(dict.fromkeys("abc", 0)))
    found = by_key(evaluate(workspace))
    assert found["mixed_same,mixed_rand", "bg_gap", "all"] == (pytest.approx(2 / 3), 3)
    assert found["mixed_same_published,mixed_rand_published", "bg_gap", "all"] == (pytest.approx(2 / 3), 3)
    assert found["mixed_same,mixed_same_published", "mask_minus_published", "all"] == (pytest.approx(1 / 3), 3)
    assert found["mixed_rand,mixed_rand_published", "mask_minus_published", "Dog"] == (pytest.approx(1 / 3), 3)
    assert ("only_bg_t,only_bg_t_published", "mask_minus_published", "all") not in found


def test_adversarial_backgrounds_as_published_and_stricter(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(i, 7) for i in "abcde"])
    put(workspace, "groups", GROUPS)
    rows = [
        adversarial_row("a", 0, True, "misled"),
        adversarial_row("b", 0, True, "unmapped"),
        adversarial_row("c", 0, True, None),  # wrong on the original already
        adversarial_row("d", 0, False, "robust"),
        adversarial_row("e", 1, True, "robust"),  # only by backgrounds of its own group
    ]
    put(workspace, "adversarial/m", rows)
    put(workspace, "adversarial_pairs/m", [{"image_id": "a", "predicted": [3], "recipe": "how"}])
    table = evaluate(workspace)
    found = by_key(table)
    assert found["adversarial", "clean_accuracy", "all"] == (0.8, 5)
    assert found["adversarial", "challenge_accuracy", "all"] == (0.2, 5)
    assert found["adversarial", "challenge_accuracy", "Dog"] == (0.25, 4)
    shares = {metric: found["adversarial", metric, "all"] for metric in ("misled", "unmapped", "robust")}
    assert shares == {"misled": (0.25, 4), "unmapped": (0.25, 4), "robust": (0.5, 4)}
    assert found["adversarial", "robust", "Bird"] == (1.0, 1)
    assert set(table.loc[table["set"] == "adversarial", "recipe"]) == {"how"}
    put(workspace, "adversarial/m", [adversarial_row("a", 0, False, "robust")])
    assert todo(evaluation.STEP, workspace, evaluation.EvaluationSettings()).missing
