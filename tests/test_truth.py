"""Votes to truth: every routing and status, ties, and objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations import truth
from annotations.truth import TruthSettings, judge, mode, route, selection
from tasks.step import run_shard
from tasks.store import Workspace
from tests.tables import image, put, vote

SETTINGS = TruthSettings()


def frame(votes: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(votes or [], columns=list(vote("a", 1, "x")))


def asked(question: str, yes: dict[int, int], people: int = 5, **more: Any) -> list[dict[str, Any]]:
    """``people`` judged every label; the first ``yes[label]`` of them said yes."""
    return [
        vote("a", label, f"p{person}", "yes" if person < count else "no", question, **more)
        for label, count in yes.items()
        for person in range(people)
    ]


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
    assert route(7, selection(frame(asked("contains", yes, people))), SETTINGS) == expected


@pytest.mark.parametrize(
    ("yes", "people", "status", "labels"),
    [
        ({7: 5, 3: 2}, 5, "confirmed", [7]),
        ({7: 3, 3: 5}, 5, "extended", [3, 7]),
        ({7: 2, 3: 5}, 5, "changed", [3]),
        ({7: 2, 3: 1}, 5, "empty", []),
        ({7: 3, 3: 0}, 4, "open", [7]),
        ({3: 5}, 5, "open", [3]),
    ],
)
def test_status(yes: dict[int, int], people: int, status: str, labels: list[int]) -> None:
    row = judge("a", 7, frame(asked("classify", yes, people)), SETTINGS)
    assert (row["status"], row["labels"]) == (status, labels)


def test_nobody_asked_is_not_confirmed() -> None:
    row = judge("a", 7, frame([]), SETTINGS)
    assert (row["status"], row["routing"], row["labels"], row["judged"]) == ("unreviewed", "unreviewed", [7], [])


def test_classify_decides_and_contains_routes() -> None:
    votes = asked("contains", {7: 5, 3: 5, 4: 1}) + asked("classify", {7: 5, 3: 0})
    row = judge("a", 7, frame(votes), SETTINGS)
    assert (row["routing"], row["status"], row["labels"]) == ("several", "confirmed", [7])
    assert dict(zip(row["judged"], row["confidence"], strict=True)) == {7: 1.0, 4: 0.2, 3: 0.0}
    assert (row["shown"], row["votes"], row["sources"]) == ([5, 5, 5], 25, ["recorded"])


def test_maybe_counts_half() -> None:
    votes = [vote("a", 7, f"p{n}", answer) for n, answer in enumerate(["yes", "maybe", "maybe", "no", "no"])]
    assert selection(frame(votes)) == {7: (0.4, 5)}


def test_main_label_and_number_of_objects_are_modes_and_ties_stay_visible() -> None:
    votes = asked("classify", {7: 4, 3: 4}, 4)
    for row in votes:
        person = int(row["annotator_id"][-1])
        row["main"] = row["class_idx"] == (3 if person < 2 else 7)
        row["num_objects"] = 2 if person < 3 else 1
    found = judge("a", 7, frame(votes), SETTINGS)
    assert found["main_label"] in (3, 7) and found["main_tied"]
    assert found["num_objects"] == 2
    assert sorted(map(sorted, found["objects"])) == [[3], [7]]


def test_labels_that_nobody_chose_together_are_one_object() -> None:
    votes = [
        vote("a", label, f"p{person}", "yes" if label in chosen else "no", num_objects=2)
        for person, chosen in enumerate([(527, 664), (527, 782), (527, 664)])
        for label in (527, 664, 782)
    ]
    assert sorted(map(sorted, judge("a", 527, frame(votes), SETTINGS)["objects"])) == [[527], [664, 782]]


@given(st.lists(st.integers(0, 4)))
def test_mode_against_counting(values: list[int]) -> None:
    value, tied = mode(values)
    counts = {v: values.count(v) for v in values}
    best = [v for v in counts if counts[v] == max(counts.values())]
    assert (value, tied) == ((best[0], len(best) > 1) if values else (None, False))


def test_every_image_has_a_row(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7), image("b", 8)])
    put(workspace, "votes", asked("classify", {7: 5}))
    for shard in truth.plan(workspace, SETTINGS):
        run_shard(truth.STEP, workspace, SETTINGS, shard)
    table = workspace.read("truth")
    assert list(zip(table["image_id"], table["status"], strict=True)) == [("a", "confirmed"), ("b", "unreviewed")]
