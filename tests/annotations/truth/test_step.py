"""Votes to truth: every routing, state and outcome, the methods, images known by id alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reground.annotations.truth import step as truth
from reground.annotations.truth.labels import label_rows, route, unreviewed
from reground.annotations.truth.methods import decisive_frequency
from reground.annotations.truth.step import TruthSettings
from reground.annotations.truth.strata import known_images
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.schema import to_arrow
from reground.tasks.votes import GOLDEN_SET, VoteArrays, encode
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import class_row, image, put, vote

SETTINGS = TruthSettings()


def arranged(votes: Sequence[dict[str, Any]]) -> VoteArrays:
    return encode(to_arrow("votes", list(votes)))


def frequencies(votes: Sequence[dict[str, Any]]) -> dict[int, tuple[float, int]]:
    about = arranged(votes)
    rows = zip(about.label, decisive_frequency(about, about.label, about.label > 0), strict=True)
    return {int(label): (float(share), int((about.pair == n).sum())) for n, (label, share) in enumerate(rows)}


def judged(
    votes: Sequence[dict[str, Any]], original: int | None = 7, settings: TruthSettings = SETTINGS
) -> dict[str, Any]:
    """The row of image a."""
    images = pd.DataFrame({"image_id": ["a"], "original": [original], "routing": [None]})
    return label_rows(arranged(votes), images, set(), settings)["a"]


def questions(question: str, yes: dict[int, int], people: int = 5, **more: Any) -> list[dict[str, Any]]:
    """``people`` judged every label; the first ``yes[label]`` of them said yes."""
    return [
        vote("a", label, f"p{person}", "yes" if person < count else "no", question, **more)
        for label, count in yes.items()
        for person in range(people)
    ]


def run(workspace: Workspace, settings: TruthSettings = SETTINGS) -> pd.DataFrame:
    for shard in truth.plan(workspace, settings):
        run_shard(truth.STEP, workspace, settings, shard)
    return workspace.read("truth").set_index("image_id")


@pytest.mark.parametrize(
    ("yes", "people", "expected"),
    [
        ({7: 5, 3: 2}, 5, "easy"),
        ({7: 4, 3: 2}, 5, "several"),
        ({7: 2, 3: 1}, 5, "several"),
        ({7: 4, 3: 4}, 4, "too_few_workers"),
        ({7: 0, 3: 5}, 5, "never_selected"),
        ({3: 5}, 5, "unreviewed"),
    ],
)
def test_routing_as_published(yes: dict[int, int], people: int, expected: str) -> None:
    votes = questions("contains", yes, people)
    assert route(7, frequencies(votes), SETTINGS) == judged(votes)["routing"] == expected


@pytest.mark.parametrize(
    ("yes", "people", "outcome", "labels"),
    [
        ({7: 5, 3: 2}, 5, "confirmed", [7]),
        ({7: 3, 3: 5}, 5, "extended", [3, 7]),
        ({7: 2, 3: 5}, 5, "changed", [3]),
        ({7: 2, 3: 1}, 5, "empty", []),
    ],
)
def test_outcome(yes: dict[int, int], people: int, outcome: str, labels: list[int]) -> None:
    row = judged(questions("classify", yes, people))
    assert (row["state"], row["outcome"], row["labels"], row["undecided"]) == ("settled", outcome, labels, [])


@pytest.mark.parametrize(
    ("yes", "people", "outcome"), [({3: 5, 4: 1}, 5, "labelled"), ({3: 5}, 4, None), ({3: 1}, 5, "empty")]
)
def test_outcome_where_nobody_knows_the_original(yes: dict[int, int], people: int, outcome: str | None) -> None:
    row = judged(questions("rate", yes, people), original=None)
    assert (row["outcome"], row["routing"], row["original"]) == (outcome, "unreviewed", None)


@pytest.mark.parametrize(
    ("votes", "undecided"),
    [
        (questions("classify", {7: 3, 3: 0}, 4), [7]),  # too few on the original label
        (questions("classify", {3: 0, 4: 1}), []),  # nobody was asked about it: the others are decided
        (questions("classify", {7: 5}) + questions("classify", {3: 1}, 2), [3]),  # two people, one of whom saw it
        (questions("classify", {7: 6, 3: 3, 4: 0}, 6), [3]),  # a tie
        (questions("classify", {7: 3, 3: 6}, 6), [7]),
    ],
)
def test_what_is_not_decided_is_not_settled(votes: list[dict[str, Any]], undecided: list[int]) -> None:
    row = judged(votes)
    assert (row["state"], row["outcome"], row["labels"], row["undecided"]) == ("in_review", None, None, undecided)


def test_a_maybe_can_make_a_tie() -> None:
    answers = ["yes", "yes", "maybe", "no", "no"]
    row = judged([*questions("rate", {7: 5}), *(vote("a", 3, f"p{n}", answer) for n, answer in enumerate(answers))])
    assert (row["state"], row["undecided"]) == ("in_review", [3])


def test_a_label_that_few_saw_and_rejected_does_not_hold_up_an_image() -> None:
    """As in the published routing, which asks no more about a label that is seldom selected."""
    row = judged(questions("contains", {7: 5}) + questions("contains", {3: 1}, 3) + questions("contains", {4: 0}, 1))
    assert (row["outcome"], row["labels"], row["undecided"]) == ("confirmed", [7], [])


def test_another_threshold_decides_a_tie() -> None:
    votes = questions("rate", {7: 6, 3: 3}, 6)
    assert judged(votes, settings=TruthSettings(keep=0.8))["labels"] == [7]
    assert judged(votes, settings=TruthSettings(keep=0.4))["labels"] == [7, 3]


def test_nobody_asked_is_not_confirmed() -> None:
    row = unreviewed({"image_id": "a", "original": 7, "routing": None}, SETTINGS)
    assert (row["state"], row["outcome"], row["labels"], row["judged"]) == ("unreviewed", None, None, [])


def test_classify_decides_and_contains_routes() -> None:
    votes = questions("contains", {7: 5, 3: 5, 4: 1}) + questions("classify", {7: 5, 3: 0})
    row = judged(votes)
    assert (row["routing"], row["outcome"], row["labels"]) == ("several", "confirmed", [7])
    assert dict(zip(row["judged"], row["confidence"], strict=True)) == {7: 1.0, 4: 0.2, 3: 0.0}
    assert (row["shown"], row["votes"], row["sources"]) == ([5, 5, 5], 25, ["recorded"])


def test_maybe_counts_half() -> None:
    votes = [vote("a", 7, f"p{n}", answer) for n, answer in enumerate(["yes", "maybe", "maybe", "no", "no"])]
    assert frequencies(votes) == {7: (0.4, 5)}


def test_a_label_outside_the_vocabulary_is_judged_too() -> None:
    assert judged(questions("contains", {-1: 4, 7: 5}))["judged"] == [7, -1]


def test_dawid_skene_trusts_those_who_can_tell() -> None:
    """Two who are nearly always right and three who guess: as a majority, these win too often."""
    rng = np.random.default_rng(0)
    holds = rng.random(400) < 0.4
    votes = [
        vote(f"i{n:03d}", 7, who, "yes" if holds[n] == (rng.random() < right) else "no", "rate", answer_id=f"{who}:{n}")
        for n in range(400)
        for who, right in (("a", 0.97), ("b", 0.97), ("c", 0.5), ("d", 0.5), ("e", 0.5))
    ]
    images = pd.DataFrame({"image_id": [f"i{n:03d}" for n in range(400)], "original": 7, "routing": None})
    wrong = {}
    for method in ("selection-frequency", "dawid-skene"):
        rows = label_rows(arranged(votes), images, set(), TruthSettings(method))
        assert {row["method"] for row in rows.values()} == {method}
        wrong[method] = sum(bool(row["labels"]) != holds[n] for n, (_, row) in enumerate(sorted(rows.items())))
    assert 2 * wrong["dawid-skene"] < wrong["selection-frequency"]


def test_the_anonymous_of_a_source_share_a_confusion_matrix() -> None:
    names = ["x:anonymous-1", "x:anonymous-2", "y:anonymous-1", "x:someone", "x:anonymous-3"]
    asked_as = ["rate", "rate", "rate", "rate", "compare"]
    votes = [
        vote("a", 7, "", annotator_id=name, question=question) for name, question in zip(names, asked_as, strict=True)
    ]
    first, second, other_source, known, other_question = arranged(votes).annotator.tolist()
    assert first == second
    assert len({first, other_source, known, other_question}) == 4


def test_every_image_has_a_row(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7), image("b", 8)])
    put(workspace, "votes", questions("classify", {7: 5}))
    assert run(workspace)["state"].to_dict() == {"a": "settled", "b": "unreviewed"}


def test_votes_alone_will_do(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "votes", questions("rate", {7: 5, 3: 0}))
    put(workspace, "classes", [class_row(7), class_row(3)])
    row = run(workspace, TruthSettings("dawid-skene")).loc["a"]
    assert (row["outcome"], list(row["judged"]), row["original"] is None or pd.isna(row["original"])) == (
        "labelled",
        [7, 3],
        True,
    )


def test_originals_stand_in_for_images_and_say_the_routing(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    known = [("a", 7, "two", None), ("a", 3, "one", None), ("b", 8, "one", "several"), ("c", None, "one", "easy")]
    names = ("image_id", "class_idx", "source", "routing")
    put(workspace, "original_labels", [dict(zip(names, row, strict=True)) for row in known])
    put(workspace, "images", [image("c", 5)])
    images = known_images(workspace)
    assert images["original"].tolist() == [3, 8, 5]  # of two sources the first by name; the image itself before any
    put(workspace, "votes", questions("rate", {3: 5}))
    table = run(workspace)
    assert table["state"].to_dict() == {"a": "settled", "b": "unreviewed", "c": "unreviewed"}
    assert table["routing"].to_dict() == {"a": "unreviewed", "b": "several", "c": "easy"}


def test_what_is_kept_to_judge_by_does_not_count(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7)])
    held_back = questions("rate", {7: 0}, source=GOLDEN_SET[0])
    put(workspace, "votes", questions("classify", {7: 5}) + held_back)
    assert list(run(workspace)["confidence"]["a"]) == [1.0]
    assert list(run(workspace, TruthSettings(hold_out=()))["confidence"]["a"]) == [0.5]


def test_an_unknown_method_is_refused(workspace_url: str) -> None:
    with pytest.raises(UsageError, match=r"truth.method: expected one of: .*, dawid-skene, joint, got 'vote'"):
        todo(truth.STEP, Workspace(workspace_url), TruthSettings("vote"))  # type: ignore[arg-type]
    with pytest.raises(RegroundError, match="expected the table 'images'"):
        truth.plan(Workspace(workspace_url), SETTINGS)


def test_a_person_counts_once_however_many_questions_they_answer(
    workspace_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Four people of the five wanted rate the label, and one of them is asked again."""
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", class_idx=7)])
    put(workspace, "classes", [class_row(7)])
    four, again = questions("classify", {7: 4}, 4), questions("rate", {7: 0}, 1)
    put(workspace, "votes", [*four, *again])
    settings = TruthSettings(method="selection-frequency")
    with caplog.at_level("WARNING"):
        row = run(workspace, settings).loc["a"]
    assert (row["state"], row["shown"].tolist(), row["confidence"].tolist(), row["votes"]) == (
        "in_review",
        [4],
        [0.875],
        5,
    )
    assert "one person said both yes and no to 1 label of images" in caplog.text and "a, class 7" in caplog.text
    put(workspace, "votes", [*four, *again, vote("a", 7, "p4", "yes", "classify")])
    assert run(workspace, settings).loc["a", "state"] == "settled"


@pytest.mark.parametrize("method", ["selection-frequency", "dawid-skene", "joint"])
def test_rating_and_classifying_makes_nobody_two_people(method: Any) -> None:
    settings = TruthSettings(method=method, min_annotators=4)
    for kinds in (("contains", "classify"), ("contains", "rate"), ("classify", "rate")):
        three = [row for kind in kinds for row in questions(kind, {7: 3}, 3)]
        row = judged(three, settings=settings)
        assert (row["state"], row["shown"]) == ("in_review", [3])
        assert judged([*three, vote("a", 7, "p3", "yes", kinds[1])], settings=settings)["state"] == "settled"
