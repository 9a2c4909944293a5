"""A curator's decision settles its label whatever the votes say, and the votes are counted as before."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.truth import needs_vote
from reground.annotations.truth import step as truth
from reground.annotations.truth.decisions import with_pairs
from reground.annotations.truth.diff import diff
from reground.annotations.truth.step import TruthSettings
from reground.tasks.schema import to_arrow
from reground.tasks.votes import encode
from reground.tasks.workspace import Workspace, finish, retire, run_shard, todo
from tests.support.tables import class_row, decision, image, put, vote

Method = Literal["selection-frequency", "dawid-skene", "joint"]
ONE_PERSON = TruthSettings(min_annotators=2)


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    made = Workspace(workspace_url)
    put(made, "classes", [class_row(n) for n in range(10)])
    put(made, "images", [image("a", 7), image("b", 7)])
    return made


def votes(image_id: str, answers: dict[int, str], **more: Any) -> list[dict[str, Any]]:
    """Label -> letters, one a person: y for yes, n for no."""
    words = {"y": "yes", "n": "no"}
    return [
        vote(image_id, label, f"p{n}", words[letter], **more)
        for label, letters in answers.items()
        for n, letter in enumerate(letters)
    ]


def run(workspace: Workspace, settings: TruthSettings = ONE_PERSON) -> dict[str, dict[str, Any]]:
    plan = todo(truth.STEP, workspace, settings)
    retire(truth.STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(truth.STEP, workspace, settings, shard)
    finish(truth.STEP, workspace, plan)
    return {row["image_id"]: row for row in workspace.read_arrow("truth").to_pylist()}


def said(row: dict[str, Any]) -> tuple[str, str | None, list[int] | None, list[int], list[int]]:
    labels = None if row["labels"] is None else sorted(row["labels"])
    return row["state"], row["outcome"], labels, row["undecided"], sorted(row["decided"])


def test_a_tie_is_settled_by_a_decision(workspace: Workspace) -> None:
    put(workspace, "votes", votes("a", {7: "yy", 3: "yn"}))
    assert said(run(workspace)["a"]) == ("in_review", None, None, [3], [])
    for answer, outcome, labels in (("no", "confirmed", [7]), ("yes", "extended", [3, 7])):
        put(workspace, "decisions", [decision("a", 3, answer)])
        row = run(workspace)["a"]
        assert said(row) == ("settled", outcome, labels, [], [3])
        assert (row["votes"], dict(zip(row["judged"], row["shown"], strict=True))) == (4, {3: 2, 7: 2})


@pytest.mark.parametrize("method", ["selection-frequency", "dawid-skene", "joint"])
def test_a_decision_outranks_every_vote_whatever_the_method_and_the_bounds(
    workspace: Workspace, method: Method
) -> None:
    put(workspace, "votes", votes("a", {7: "yyyyy", 3: "nnnnn"}))
    put(workspace, "decisions", [decision("a", 7, "no"), decision("a", 3, "yes")])
    for keep in (0.0, 0.5, 1.0):
        row = run(workspace, TruthSettings(method=method, keep=keep))["a"]
        assert said(row) == ("settled", "changed", [3], [], [3, 7])
        assert dict(zip(row["judged"], row["confidence"], strict=True)) == {3: 1.0, 7: 0.0}


def test_a_decision_needs_no_votes_and_leaves_other_labels_to_people(workspace: Workspace) -> None:
    put(workspace, "decisions", [decision("a", 7, "yes")])
    rows = run(workspace)
    assert said(rows["a"]) == ("settled", "confirmed", [7], [], [7]) and rows["a"]["votes"] == 0
    assert said(rows["b"])[0] == "unreviewed"
    put(workspace, "votes", votes("a", {3: "y"}))
    assert said(run(workspace)["a"]) == ("in_review", None, None, [3], [7])


def test_neither_held_out_sources_nor_excluded_curators_drop_a_decision(workspace: Workspace) -> None:
    put(workspace, "votes", votes("a", {7: "nn"}, source="label-studio"))
    put(workspace, "decisions", [decision("a", 7, "yes")])
    excluded = {"annotator_id": "label-studio:9", "source": "label-studio", "excluded": "too fast"}
    put(workspace, "annotators", [{**_annotator(), **excluded}])
    row = run(workspace, TruthSettings(hold_out=("label-studio",)))["a"]
    assert said(row) == ("settled", "confirmed", [7], [], [7]) and row["votes"] == 0


def _annotator() -> dict[str, Any]:
    counts = dict.fromkeys(("votes", "agreement_n", "gold_correct", "gold_n", "tasks"), 0)
    unknown = (
        "address",
        "name",
        "agreement",
        "gold_accuracy",
        "gold_low",
        "gold_high",
        "seconds_per_task",
        "fast_share",
    )
    return {**counts, **dict.fromkeys(unknown)}


def test_a_diff_names_decisions_as_the_reason(workspace: Workspace) -> None:
    put(workspace, "votes", [*votes("a", {7: "yy", 3: "yn"}), *votes("b", {7: "yy"})])
    run(workspace)
    put(workspace, "decisions", [decision("a", 3, "yes")])
    run(workspace)
    put(workspace, "decisions", [decision("a", 3, "no")])
    run(workspace)
    for before, after in (("1", "2"), ("2", "3")):
        (change,) = diff(workspace, before, after).changes
        assert (change.image_id, change.why) == ("a", ["decisions"])


def test_a_decided_pair_needs_no_vote(workspace: Workspace) -> None:
    put(workspace, "votes", votes("a", {7: "yy", 3: "yn"}))
    run(workspace)
    pairs: list[set[int]] = []
    for rows in ([], [decision("a", 3, "no")]):
        put(workspace, "decisions", rows)
        run(workspace)
        (shard,) = todo(needs_vote.STEP, workspace, needs_vote.NeedsVoteSettings()).missing
        run_shard(needs_vote.STEP, workspace, needs_vote.NeedsVoteSettings(), shard)
        pairs.append(set(workspace.read("needs_vote")["class_idx"]))
    assert pairs == [{3, 7}, {7}]


PAIR = st.tuples(st.sampled_from("abc"), st.integers(-1, 4))


@given(st.lists(PAIR, max_size=8), st.sets(PAIR, max_size=6))
def test_votes_keep_their_pairs_when_others_join(cast: list[tuple[str, int]], more: set[tuple[str, int]]) -> None:
    rows = [vote(image_id, label, f"p{n}") for n, (image_id, label) in enumerate(cast)]
    arrays = encode(to_arrow("votes", rows))
    wide = with_pairs(arrays, dict.fromkeys(more, "yes"))
    pairs = [(wide.image_ids[image], int(label)) for image, label in zip(wide.image, wide.label, strict=True)]
    assert pairs == sorted({*cast, *more})
    before = [(arrays.image_ids[arrays.image[n]], int(arrays.label[n])) for n in arrays.pair]
    assert [pairs[n] for n in wide.pair] == before
    assert np.array_equal(wide.answer, arrays.answer)


def test_a_label_that_a_curator_rejects_is_not_the_main_one(workspace: Workspace) -> None:
    people = [vote("a", 7, f"p{n}", main=True, num_objects=2) for n in range(3)]
    people += [vote("a", 3, f"p{n}", num_objects=2) for n in range(3)]
    people += [vote("a", 3, f"q{n}", main=True, num_objects=2) for n in range(2)]
    put(workspace, "votes", people)
    put(workspace, "decisions", [decision("a", 7, "no")])
    row = run(workspace)["a"]
    assert (row["outcome"], row["labels"], row["main_label"], row["objects"]) == ("changed", [3], 3, [[3]])
