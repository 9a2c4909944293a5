"""Main label and objects of an image, from its CLASSIFY answers; labels that a curator rejects are none of them.

Source: Tsipras et al. 2020, section 4, and the notebook of MadryLab/ImageNetMultiLabel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa

from reground.tasks.kernels.objects import co_selections, max_k_cut
from reground.tasks.votes import NO, YES

MAX_GROUPED: Final = 10
"""Labels grouped into objects at the most (the most chosen): the exact cut is exponential in them."""
COLUMNS: Final = ("image_id", "at", "answer_id", "class_idx", "answer", "main", "num_objects")

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Answer:
    """What one person said of one image: labels in the order shown."""

    valid: list[int]
    main: int | None
    num_objects: int | None


@dataclass(frozen=True)
class Objects:
    """What people saw in an image; the fields are the columns of ``truth`` of these names."""

    main_label: int | None = None
    main_tied: bool = False
    num_objects: int | None = None
    num_objects_tied: bool = False
    objects: list[list[int]] = field(default_factory=list[list[int]])
    isolated: list[int] = field(default_factory=list[int])


def answers(
    classify: pa.Table, decisions: Mapping[tuple[str, int], str] = MappingProxyType({})
) -> Iterator[tuple[str, list[Answer]]]:
    """(image_id, answers in the order given) of every image, without the labels that a curator rejects.

    Args:
        classify: rows of ``votes`` of the question classify (`COLUMNS` will do).
        decisions: pair of image and label -> yes or no.
    """
    order: list[tuple[str, str]] = [(name, "ascending") for name in COLUMNS[:4]]
    rows = zip(*(classify.sort_by(order)[name].to_pylist() for name in COLUMNS), strict=True)
    for image_id, about in groupby(rows, key=itemgetter(0)):
        submissions = groupby(about, key=itemgetter(1, 2))
        yield image_id, [_answer(list(votes), decisions) for _, votes in submissions]


def _answer(votes: list[tuple[Any, ...]], decisions: Mapping[tuple[str, int], str]) -> Answer:
    rest = [vote for vote in votes if decisions.get((vote[0], vote[3])) != NO]
    valid = [label for _, _, _, label, answer, _, _ in rest if answer == YES]
    main = next((label for _, _, _, label, _, picked, _ in rest if picked), None)
    return Answer(valid, main, votes[0][-1])


def find_objects(submissions: Sequence[Answer]) -> Objects:
    """The objects in one image, from what people said of it, in the order they did."""
    main, main_tied = mode([answer.main for answer in submissions if answer.main is not None])
    count, count_tied = mode([answer.num_objects for answer in submissions if answer.num_objects is not None])
    objects, isolated = group_labels([answer.valid for answer in submissions], count)
    return Objects(main, main_tied, count, count_tied, objects, isolated)


def mode(values: Sequence[T]) -> tuple[T | None, bool]:
    """The most frequent value (ties: the one met first), and whether there was a tie."""
    counts = Counter(values).most_common()
    if not counts:
        return None, False
    return counts[0][0], len(counts) > 1 and counts[1][1] == counts[0][1]


def group_labels(valid: Sequence[Sequence[int]], num_objects: int | None) -> tuple[list[list[int]], list[int]]:
    """The labels that anybody called valid, grouped by the object they name, and the isolated ones.

    Labels chosen together name different objects, those never chosen together the same one.
    A label that nobody chose beside another could name any of several objects. The published
    method drops it; here it is counted to the first object, the one of the most chosen label.

    Args:
        valid: the labels in each person's answer.
        num_objects: how many objects there are.

    Returns:
        Labels of each object, objects and labels in the order of the most chosen; isolated labels.
    """
    counts = Counter(label for labels in valid for label in labels)
    if not counts or not num_objects:
        return [], []
    labels = sorted(counts, key=lambda label: (-counts[label], label))
    weights = co_selections(np.array([[label in chosen for label in labels] for chosen in valid]))
    alone = [n for n in range(len(labels)) if num_objects > 1 and not weights[n].any()]
    groups = _cut(weights, [n for n in range(len(labels)) if n not in alone], num_objects) or [[]]
    groups[0] = sorted(groups[0] + alone)
    return [[labels[n] for n in group] for group in groups], [labels[n] for n in alone]


def _cut(weights: np.ndarray[Any, np.dtype[np.int64]], placed: list[int], k: int) -> list[list[int]]:
    """Exactly for the first labels; each further one goes where it cuts the most."""
    exact = placed[:MAX_GROUPED]
    of = max_k_cut(weights[np.ix_(exact, exact)], k)
    groups = [
        [n for n, group in zip(exact, of, strict=True) if group == number] for number in range(max(of, default=-1) + 1)
    ]
    for n in placed[MAX_GROUPED:]:
        min(groups, key=lambda group: int(weights[n, group].sum())).append(n)
    return groups
