"""An answer to the question which labels an image has: what contradicts itself, whatever way it came in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class ContradictionError(Exception):
    """An answer that contradicts itself; the message says how."""


def check_answer(
    valid: Collection[Any], main: Collection[Any] = (), num_objects: Collection[int] = (), none: bool = False
) -> None:
    """Check the answer of one person on one image.

    Args:
        valid: labels that are valid.
        main: labels called the main one.
        num_objects: numbers of objects given.
        none: whether the answer says that none of the labels is valid.

    Raises:
        ContradictionError: a part of the answer denies another.

    Examples:
        >>> check_answer(valid=["tench"], main=["tench"], num_objects=[1])
        >>> check_answer(valid=["tench"], main=["goldfish"])
        Traceback (most recent call last):
        ...
        reground.tasks.votes.answer.ContradictionError: main label goldfish is not among the valid ones (tench)
    """
    if valid and none:
        raise ContradictionError("both valid labels and none of these")
    if len(set(main)) > 1:
        raise ContradictionError(f"several main labels: {_join(main)}")
    for label in main:
        if label not in valid:
            raise ContradictionError(f"main label {label} is not among the valid ones ({_join(valid)})")
    if len(set(num_objects)) > 1:
        raise ContradictionError(f"several numbers of objects: {_join(num_objects)}")
    if not valid and any(num_objects):
        raise ContradictionError(f"{max(num_objects)} objects, but no valid label")


def _join(values: Collection[Any]) -> str:
    return ", ".join(sorted(map(str, set(values)))) or "none"
