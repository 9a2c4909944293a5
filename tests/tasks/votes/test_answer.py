"""What contradicts itself in one person's answer on one image."""

from __future__ import annotations

from typing import Any

import pytest

from reground.tasks.votes import ContradictionError, check_answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"valid": ["a"], "none": True}, "both valid labels and none of these"),
        ({"valid": ["a", "b"], "main": ["c"]}, r"main label c is not among the valid ones \(a, b\)"),
        ({"valid": [], "main": ["c"]}, r"main label c is not among the valid ones \(none\)"),
        ({"valid": ["a", "b"], "main": ["a", "b"]}, "several main labels: a, b"),
        ({"valid": ["a"], "num_objects": [1, 2]}, "several numbers of objects: 1, 2"),
        ({"valid": [], "num_objects": [2]}, "2 objects, but no valid label"),
    ],
)
def test_an_answer_that_contradicts_itself(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(ContradictionError, match=message):
        check_answer(**answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"valid": []},
        {"valid": [], "none": True},
        {"valid": [], "num_objects": [0], "none": True},
        {"valid": ["a", "b"], "main": ["b"], "num_objects": [1]},
        {"valid": ["a"], "main": ["a", "a"]},
        {"valid": ["a"]},
    ],
)
def test_an_answer_without_contradiction(answer: dict[str, Any]) -> None:
    check_answer(**answer)
