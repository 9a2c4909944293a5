"""A person who is asked again has one vote on a question, an image and a label: the later one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from reground.annotations.collect.superseded import latest_votes, overlapping_batches
from tests.support.tables import vote


def given(answer: str, day: int, number: int, **other: Any) -> Any:
    row = vote("a", 7, "ann", answer, source="label-studio")
    return row | {"at": f"2026-01-{day:02d}T10:00:00.000000+00:00", "answer_id": f"label-studio:1:{number}"} | other


def classify(image_id: str, *labels: int) -> dict[str, Any]:
    return {"question": "classify", "image_ids": [image_id], "class_idxs": list(labels)}


def contains(label: int, *image_ids: str) -> dict[str, Any]:
    return {"question": "contains", "image_ids": list(image_ids), "class_idxs": [label]}


def decide(image_id: str, label: int) -> dict[str, Any]:
    return {"question": "decide", "image_ids": [image_id], "class_idxs": [label]}


FIRST, SECOND = given("yes", 1, 1), given("no", 2, 2)


@pytest.mark.parametrize(("votes", "others"), [([FIRST], [SECOND]), ([SECOND], [FIRST]), ([SECOND, FIRST], [])])
def test_the_later_vote_counts_and_the_other_is_named(votes: list[Any], others: list[Any]) -> None:
    rows, dropped = latest_votes(votes, others, "collect")
    assert rows == [vote for vote in votes if vote is SECOND]
    assert [(row["item"], row["reason"]) for row in dropped] == [
        ("label-studio:1:1", "answer_superseded") for vote in votes if vote is FIRST
    ]
    assert all("label-studio:1:2" in (row["detail"] or "") for row in dropped)


@pytest.mark.parametrize(
    "other", [{"annotator_id": "label-studio:bob"}, {"image_id": "b"}, {"class_idx": 8}, {"question": "contains"}]
)
def test_votes_of_another_key_count_both(other: dict[str, Any]) -> None:
    assert latest_votes([FIRST], [SECOND | other], "collect") == ([FIRST], [])


def test_of_two_votes_at_one_time_one_counts_whichever_batch_is_read() -> None:
    twin = given("no", 1, 2)
    assert latest_votes([FIRST], [twin], "collect")[0] == [] and latest_votes([twin], [FIRST], "collect")[0] == [twin]


def test_batches_overlap_by_question_image_and_label() -> None:
    batches = {
        "1": [classify("a", 7, 8)],
        "2": [classify("a", 8, 9)],
        "3": [classify("a", 5), classify("b", 8)],
        "4": [contains(8, "a", "b")],
        "5": [contains(8, "b", "c"), classify("a", 9)],
        "6": [decide("a", 8), classify("d", 8)],
    }
    tables = {name: pa.Table.from_pylist(rows) for name, rows in batches.items()}
    assert overlapping_batches(tables) == {"1": ["2"], "2": ["1", "5"], "4": ["5"], "5": ["2", "4"]}
