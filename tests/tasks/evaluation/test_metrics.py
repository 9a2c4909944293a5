"""Models judged on what people found, in workspaces without images; counted by hand and by brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.evaluation import step as evaluation
from reground.tasks.evaluation.reference import Labels, reference_labels
from reground.tasks.evaluation.step import EvaluationSettings
from reground.tasks.images import load_classes
from reground.tasks.kernels.label_probability import holding_probability
from reground.tasks.votes import VotePolicy
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import annotator, prediction, put, put_truth, truth_row, vote

DOG, OTHER_DOG, BIRD = 151, 207, 8


def original(image_id: str, class_idx: int | None, source: str = "set") -> dict[str, Any]:
    return {"image_id": image_id, "class_idx": class_idx, "routing": None, "source": source}


def truth(image_id: str, said: dict[int, float], stage: str, **more: Any) -> dict[str, Any]:
    """A row of truth: label -> confidence; from one half on it holds."""
    kept = [label for label, confidence in said.items() if confidence >= 0.5]
    judged = {
        "judged": list(said),
        "confidence": list(said.values()),
        "shown": [5] * len(said),
        "num_objects": None,
        "method": "dawid-skene",
    }
    return {**truth_row(image_id, kept, stage, None), **judged, **more}


def evaluate(workspace: Workspace, **settings: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of evaluation by model, metric and subset; rows of comparison."""
    chosen = EvaluationSettings(**settings)
    for shard in evaluation.plan(workspace, chosen):
        run_shard(evaluation.STEP, workspace, chosen, shard)
    assert not todo(evaluation.STEP, workspace, chosen).missing
    return workspace.read("evaluation").set_index(["model", "metric", "subset"]), workspace.read("comparison")


def number(table: pd.DataFrame, metric: str, subset: str, model: str = "m") -> tuple[float, int]:
    row = table.loc[(model, metric, subset)]
    assert row["low"] <= row["value"] <= row["high"]
    return row["value"], row["n"]


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    """Six images known by id: two dogs, three birds, and one whose original label nobody knows."""
    made = Workspace(workspace_url)
    put(made, "classes", load_classes())
    labels = {"a": DOG, "b": DOG, "c": BIRD, "d": BIRD, "e": BIRD, "f": None}
    put(made, "original_labels", [original(i, label) for i, label in labels.items()])
    put_truth(
        made,
        [
            truth("a", {DOG: 1.0, OTHER_DOG: 1.0}, "extended", num_objects=2, main_label=OTHER_DOG),
            truth("b", {OTHER_DOG: 1.0, DOG: 0.0}, "changed", num_objects=1, main_label=OTHER_DOG),
            truth("c", {BIRD: 0.0}, "empty"),
            truth("d", {}, "unreviewed", original=BIRD, sources=[]),
            truth("e", {BIRD: 1.0}, "confirmed", routing="easy"),
            truth("f", {BIRD: 1.0}, "labelled", num_objects=3, main_label=BIRD),
        ],
    )
    first = {"a": DOG, "b": DOG, "c": BIRD, "d": BIRD, "e": DOG, "f": BIRD}
    put(made, "predictions/m", [prediction(i, [y]) for i, y in first.items()])
    return made


def test_originals_stand_for_images(workspace: Workspace) -> None:
    table, _ = evaluate(workspace)
    assert number(table, "top1_original", "all") == (0.8, 5)  # of f the original label is unknown
    assert number(table, "top1_original", "superclass:Dogs") == (1.0, 2)
    assert number(table, "top1_original", "superclass:Birds") == (pytest.approx(2 / 3), 3)
    assert ("m", "top5_original", "all") not in table.index  # only one prediction each is known


def test_what_people_found(workspace: Workspace) -> None:
    table, _ = evaluate(workspace)
    assert number(table, "real_accuracy", "all") == (0.6, 5)  # a, d, f of a, b, d, e, f: c has no label
    assert number(table, "multi_label", "reviewed") == (0.5, 4)  # nobody was asked about d
    assert number(table, "top1_original", "reviewed") == (pytest.approx(2 / 3), 3)
    assert number(table, "main_label", "reviewed") == (pytest.approx(1 / 3), 3)
    assert number(table, "multi_label", "multi_object") == (1.0, 2)
    assert number(table, "multi_label", "single_object") == (0.0, 2)  # e is easy: one object
    assert number(table, "main_label", "multi_object") == (0.5, 2)
    assert number(table, "real_accuracy", "superclass:Birds") == (0.5, 2)
    assert set(table.loc["m"].loc["real_accuracy", "sources"]) == {"recorded"}
    assert table.loc[("m", "top1_original", "all"), "sources"] == ""
    assert table.loc[("m", "top1_original", "reviewed"), "sources"] == "recorded"  # votes say which they are
    assert not any(metric in ("selection_frequency", "nobody_asked") for _, metric, _ in table.index)


def test_images_in_review_count_with_their_original_label_alone(workspace: Workspace) -> None:
    rows = [*workspace.read_arrow("truth").to_pylist(), truth("g", {OTHER_DOG: 1.0}, "in_review", original=DOG)]
    labels = {"a": DOG, "b": DOG, "c": BIRD, "d": BIRD, "e": BIRD, "f": None, "g": DOG}
    put(workspace, "original_labels", [original(i, label) for i, label in labels.items()])
    first = {"a": DOG, "b": DOG, "c": BIRD, "d": BIRD, "e": DOG, "f": BIRD, "g": OTHER_DOG}
    put(workspace, "predictions/m", [prediction(i, [y]) for i, y in first.items()])
    without, _ = evaluate(workspace)
    put_truth(workspace, rows)
    table, _ = evaluate(workspace)
    assert table.loc["m"].loc["top1_original", "n"]["all"] == without.loc["m"].loc["top1_original", "n"]["all"]
    for metric, subset in (("real_accuracy", "all"), ("multi_label", "reviewed"), ("main_label", "reviewed")):
        assert number(table, metric, subset) == number(without, metric, subset)
    assert number(table, "real_accuracy", "superclass:Dogs")[1] == 2  # a, b


def test_while_nothing_is_settled_nothing_is_said_of_peoples_labels(workspace: Workspace) -> None:
    rows = workspace.read_arrow("truth").to_pylist()
    pending = {"state": "in_review", "outcome": None, "labels": None}
    put_truth(workspace, [row | (pending if row["state"] == "settled" else {}) for row in rows])
    table, comparison = evaluate(workspace)
    metrics = {metric for _, metric, _ in table.index}
    of_confidence = {"confidence", "original_probability", "ece_original", "ece_original_by_chance"}
    assert metrics == {"top1_original", *of_confidence} and comparison.empty


def test_groups_of_photographs(workspace: Workspace) -> None:
    put(workspace, "groups", [{"group": g, "name": n, "class_idx": c} for g, n, c in [(0, "D", DOG), (1, "B", BIRD)]])
    table, _ = evaluate(workspace)
    assert number(table, "top1_original", "D") == (1.0, 2)
    assert number(table, "top1_original", "balanced") == (pytest.approx((1 + 2 / 3) / 2), 5)
    assert number(table, "multi_label", "balanced") == (pytest.approx((0.5 + 0.0) / 2), 3)


def test_five_predictions(workspace: Workspace) -> None:
    rest = [10, 11, 12, 13]
    rows = [prediction(i, [rest[0], DOG, *rest[1:]]) for i in "ab"] + [prediction("f", [9, *rest])]
    put(workspace, "predictions/m", rows)
    table, _ = evaluate(workspace)
    assert number(table, "top5_original", "all") == (1.0, 2)
    assert number(table, "multi_label_top5", "reviewed") == (pytest.approx(1 / 3), 3)


def test_human_based_evaluation(workspace: Workspace) -> None:
    """a: two of three selected the prediction; b: a maybe; of c only another label was asked; d to f: nothing."""
    rows = [vote("a", DOG, who, answer, "contains") for who, answer in zip("xyz", ("yes", "yes", "no"), strict=True)]
    rows += [vote("b", DOG, "x", "maybe", "contains"), vote("c", DOG, "x", "yes", "contains")]
    rows += [vote("d", BIRD, "x", "yes", "classify")]
    put(workspace, "votes", rows)
    table, _ = evaluate(workspace)
    assert number(table, "selection_frequency", "all") == (pytest.approx((2 / 3 + 1 / 2) / 2), 2)
    assert number(table, "nobody_asked", "all") == (pytest.approx(4 / 6), 6)
    assert number(table, "nobody_asked", "asked") == (pytest.approx(1 / 3), 3)
    assert number(table, "selection_frequency", "multi_object") == (pytest.approx(2 / 3), 1)
    assert number(table, "selection_frequency", "superclass:Dogs") == (pytest.approx((2 / 3 + 1 / 2) / 2), 2)


def test_answers_are_told_from_labels_by_how_often_people_select_them(workspace: Workspace) -> None:
    """a: all select the label, one of two the prediction; b: both are one; c: nobody was asked about the prediction."""
    put(workspace, "predictions/m", [prediction("a", [BIRD]), prediction("b", [DOG]), prediction("c", [9])])
    rows = [vote("a", DOG, who, "yes", "contains") for who in "xy"]
    rows += [vote("a", BIRD, "x", "yes", "contains"), vote("a", BIRD, "y", "no", "contains")]
    rows += [vote(image_id, DOG, "x", "yes", "contains") for image_id in "bc"]
    put(workspace, "votes", rows)
    table, _ = evaluate(workspace)
    assert number(table, "frequency_gap", "all") == (pytest.approx((1 / 2 - 1) / 2), 2)


def test_the_excluded_do_not_count(workspace: Workspace) -> None:
    rows = [vote("a", DOG, "ann", "no", "contains"), vote("a", DOG, "ben", "yes", "contains")]
    put(workspace, "votes", [*rows, vote("b", DOG, "ann", "no", "contains")])
    put(workspace, "annotators", [annotator("recorded:ann", excluded="too fast"), annotator("recorded:ben")])
    table, _ = evaluate(workspace)
    assert number(table, "selection_frequency", "all") == (1.0, 1)


def test_predictions_of_images_that_are_gone_do_not_count(workspace: Workspace) -> None:
    put(workspace, "predictions/m", [prediction("a", [DOG]), prediction("gone", [BIRD])])
    table, _ = evaluate(workspace)
    assert number(table, "top1_original", "all") == (1.0, 1)


def test_a_class_outside_the_vocabulary_is_wrong(workspace: Workspace) -> None:
    put(workspace, "predictions/m", [prediction("a", [-1]), prediction("f", [-1])])
    table, _ = evaluate(workspace)
    assert number(table, "real_accuracy", "all") == (0.0, 2)


def test_without_anything_known_it_says_what_to_run(workspace_url: str) -> None:
    with pytest.raises(RegroundError, match="reground index"):
        evaluate(Workspace(workspace_url))


@pytest.mark.parametrize("settings", [{"level": 0.0}, {"level": 1.0}, {"resamples": 0}])
def test_settings_that_make_no_interval(workspace: Workspace, settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=rf"evaluate\.{next(iter(settings))}: expected a (whole )?number.*, got"):
        todo(evaluation.STEP, workspace, EvaluationSettings(**settings))


def big_world(workspace: Workspace, skills: dict[str, float], images: int = 600, people: int = 5) -> pd.DataFrame:
    """Images with one true label each, in three of four the original one; ``people`` who err one time in ten."""
    rng = np.random.default_rng(7)
    ids = [f"i{n:04d}" for n in range(images)]
    true = rng.integers(0, 20, images)
    given = np.where(rng.random(images) < 0.75, true, (true + 1) % 20)
    put(workspace, "classes", load_classes())
    put(workspace, "original_labels", [original(i, int(y)) for i, y in zip(ids, given, strict=True)])
    rows = []
    for i, y, g in zip(ids, true.tolist(), given.tolist(), strict=True):
        said = {y: rng.binomial(people, 0.9) / people, **({g: rng.binomial(people, 0.1) / people} if g != y else {})}
        stage = "empty" if max(said.values()) < 0.5 else "changed"
        ranked = dict(sorted(said.items(), key=lambda item: -item[1]))
        rows.append(truth(i, ranked, stage, shown=[people] * len(said), method="selection-frequency"))
    put_truth(workspace, rows)
    world = pd.DataFrame({"true": true, "given": given}, ids)
    for model, skill in skills.items():
        world[model] = np.where(rng.random(images) < skill, true, rng.integers(0, 20, images))
        put(workspace, f"predictions/{model}", [prediction(i, [int(y)]) for i, y in world[model].items()])
    return world


def test_few_votes_make_wider_intervals_than_many(tmp_path: Any) -> None:
    widths = []
    for people in (1, 3, 9):
        workspace = Workspace(tmp_path / str(people))
        big_world(workspace, {"m": 0.8}, people=people)
        row = evaluate(workspace)[0].loc[("m", "multi_label", "reviewed")]
        widths.append(row["high"] - row["low"])
    assert widths == sorted(widths, reverse=True) and widths[0] > 1.2 * widths[-1]


def test_differences_against_brute_force(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    world = big_world(workspace, {"a": 0.8, "b": 0.7, "c": 0.795})
    _, compared = evaluate(workspace, resamples=2000)
    rows = compared.set_index(["metric", "subset", "model_a", "model_b"])
    for one, other in (("a", "b"), ("a", "c"), ("b", "c")):
        row = rows.loc[("top1_original", "all", one, other)]
        hits = [(world[model] == world["given"]).to_numpy() for model in (one, other)]
        gap = hits[0].astype(float) - hits[1]
        assert row["difference"] == pytest.approx(gap.mean()) and row["n"] == 600
        only = int((gap > 0).sum()), int((gap < 0).sum())
        assert (row["only_a"], row["only_b"]) == only
        assert row["p_value"] == pytest.approx(binomtest(only[0], sum(only)).pvalue)
        spread = gap.std() / np.sqrt(600)
        assert row["low"] == pytest.approx(gap.mean() - 1.96 * spread, abs=0.006)
        assert row["high"] == pytest.approx(gap.mean() + 1.96 * spread, abs=0.006)
        plain = np.random.default_rng(0).choice(gap, (4000, 600)).mean(axis=1)
        assert row["order_held"] == pytest.approx(max((plain > 0).mean(), (plain < 0).mean()), abs=0.03)
    family = rows.loc[("top1_original", "all")].sort_values("p_value")
    expected = np.minimum(1, np.maximum.accumulate(family["p_value"].to_numpy() * [3, 2, 1]))
    assert family["p_holm"].to_numpy() == pytest.approx(expected)


def test_the_better_model_is_found_on_the_truth(workspace_url: str) -> None:
    """Equally often right on the original labels, unequally on the truth: ranks move, and say how surely."""
    workspace = Workspace(workspace_url)
    world = big_world(workspace, {"good": 0.95, "mid": 0.75})
    copied = np.where(np.random.default_rng(1).random(600) < 0.97, world["given"], 19)
    put(workspace, "predictions/copies", [prediction(i, [int(y)]) for i, y in zip(world.index, copied, strict=True)])
    table, compared = evaluate(workspace)
    found = {
        metric: {model: table.loc[(model, metric, "reviewed"), "value"] for model in ("copies", "good", "mid")}
        for metric in ("rank_original", "rank_multi_label", "rank_change")
    }
    assert found["rank_original"] == {"copies": 1, "good": 2, "mid": 3}
    assert found["rank_multi_label"]["good"] == 1 and found["rank_change"]["good"] == 1
    sure = compared.set_index(["metric", "subset", "model_a", "model_b"])
    assert sure.loc[("multi_label", "reviewed", "copies", "good"), "order_held"] > 0.99
    assert set(compared.loc[compared["metric"] == "multi_label", "sources"]) == {"recorded"}


def test_pairs_are_compared_where_both_predicted(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    world = big_world(workspace, {"a": 0.8, "b": 0.7, "c": 0.6}, images=90)
    ids = list(world.index)
    for model, some in (("b", ids[:60]), ("c", ids[40:])):
        put(workspace, f"predictions/{model}", [prediction(i, [int(world.loc[i, model])]) for i in some])
    put(workspace, "predictions/d", [prediction("elsewhere", [1])])
    table, compared = evaluate(workspace, resamples=50)
    rows = compared[(compared["metric"] == "top1_original") & (compared["subset"] == "all")]
    sizes = {(a, b): n for a, b, n in zip(rows["model_a"], rows["model_b"], rows["n"], strict=True)}
    assert sizes == {("a", "b"): 60, ("a", "c"): 50, ("b", "c"): 20}
    here = ids[40:60]
    gap = np.mean(world.loc[here, "b"] == world.loc[here, "given"]) - np.mean(
        world.loc[here, "c"] == world.loc[here, "given"]
    )
    assert rows.set_index(["model_a", "model_b"]).loc[("b", "c"), "difference"] == pytest.approx(gap)
    assert not any(metric.startswith("rank") for _, metric, _ in table.index)  # no image that all four predicted


def test_the_same_seed_gives_the_same_bytes(tmp_path: Any) -> None:
    digests = []
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        workspace = Workspace(tmp_path / name)
        big_world(workspace, {"a": 0.8, "b": 0.7}, images=100)
        evaluate(workspace, resamples=100, seed=seed)
        digests.append(workspace.table_digest("comparison"))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_a_label_holds_from_the_stored_threshold_on(workspace_url: str, keep: float) -> None:
    """The threshold is read, not guessed: no confidence lies between these two."""
    workspace = Workspace(workspace_url)
    said = {"a": 1.0, "b": 1.0, "c": 0.2, "d": 0.0}
    rows = [truth(i, {DOG: share}, "confirmed", method="selection-frequency") for i, share in said.items()]
    put_truth(workspace, rows, VotePolicy(keep=keep))
    share = np.array(list(said.values()), np.float32).astype(float)
    expected = holding_probability(share, np.full(4, 5.0), keep, np.zeros(4, np.int64))
    assert reference_labels(workspace).probability.value.tolist() == pytest.approx(expected.tolist())


@settings(max_examples=50)
@given(st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 4)), st.floats(0.25, 1), max_size=15), st.data())
def test_labels_are_found_by_image_and_class(held: dict[tuple[int, int], float], data: st.DataObject) -> None:
    keys = sorted(held)
    image, class_idx = (np.array([key[n] for key in keys], np.int64) for n in (0, 1))
    labels = Labels(image, class_idx, np.array([held[key] for key in keys]))
    wanted = data.draw(st.lists(st.lists(st.integers(-2, 5), min_size=2, max_size=2), min_size=6, max_size=6))
    expected = [[held.get((n, c), 0.0) for c in row] for n, row in enumerate(wanted)]
    assert labels.of(np.array(wanted)).tolist() == expected
    assert labels.of(np.array(wanted)[:, 0]).tolist() == [row[0] for row in expected]
