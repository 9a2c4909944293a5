"""Votes as arrays: indices into pairs of image and label, and the share of people who select each.

Some million votes fit: text is held once, and the arithmetic is on whole columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reground.tasks.votes.vocabulary import ANONYMOUS, ANSWERS, CONTAINS, NO, YES

VOTE_COLUMNS: Final = ("image_id", "class_idx", "annotator_id", "answer", "question", "source")
"""Columns of ``votes`` that `encode` reads."""
ANSWER_WEIGHTS: Final = np.array([0.0, 0.5, 1.0])
"""Of each of `ANSWERS`, what it adds to a label's selection frequency."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VoteArrays:
    """V votes on P pairs of image and label.

    Attributes:
        image_ids: of the images with votes, each once, in order.
        image: ``(P,)`` index into image_ids of each pair; pairs are ordered by image, then label.
        label: ``(P,)`` class_idx of each pair.
        pair: ``(V,)`` index of the pair voted on.
        annotator: ``(V,)`` index of who voted; the anonymous of a source and question count as one.
        person: ``(V,)`` number of who voted; each anonymous answer is of another person.
        answer: ``(V,)`` index into `ANSWERS`.
        contains: ``(V,) bool``, whether the question was CONTAINS.
        source: ``(V,)`` index into sources.
        sources: names.
    """

    image_ids: list[str]
    image: Ints
    label: Ints
    pair: Ints
    annotator: Ints
    person: Ints
    answer: Ints
    contains: Bools
    source: Ints
    sources: list[str]

    def starts(self) -> Ints:
        """``(images + 1,)``: where each image's pairs begin, and where the last one's end."""
        return np.searchsorted(self.image, np.arange(len(self.image_ids) + 1))


def encode(votes: pa.Table) -> VoteArrays:
    """Rows of ``votes`` as indices.

    Args:
        votes: with `VOTE_COLUMNS` among the columns.
    """
    image, image_ids = _codes(votes["image_id"])
    label = votes["class_idx"].to_numpy().astype(np.int64)
    width = int(label.max(initial=0)) + 2
    pairs, pair = np.unique(image * width + label + 1, return_inverse=True)  # a label may be -1
    answer, answers = _codes(votes["answer"])
    question, questions = _codes(votes["question"])
    source, sources = _codes(votes["source"])
    annotator, person = _people(votes["annotator_id"], question, len(questions))
    return VoteArrays(
        image_ids=image_ids,
        image=pairs // width,
        label=pairs % width - 1,
        pair=pair.astype(np.int64),
        annotator=annotator,
        person=person,
        answer=np.array([ANSWERS.index(name) for name in answers], np.int64)[answer],
        contains=np.array([name == CONTAINS for name in questions], np.bool_)[question],
        source=source,
        sources=sources,
    )


def selection_frequency(votes: VoteArrays, mask: Bools | None = None) -> tuple[Floats, Ints]:
    """How often people select each label: selected / shown, a 'maybe' counting half.

    A person counts once for each label: of several answers, as to two questions, the mean counts.

    Source: Tsipras et al. 2020, section 3.

    Args:
        votes: that count.
        mask: ``(V,) bool``, the votes to look at; None: all.

    Returns:
        ``(P,)`` selection frequency, 0 to 1, higher: more people see the label; NaN where nobody was asked.
        ``(P,)`` people asked.

    Examples:
        Three people are asked about label 7 in an image; one of them twice, and about label 3 too.

        >>> people, answers = ["x:ann", "x:bob", "x:cy", "x:ann"], ["yes", "maybe", "yes", "no"]
        >>> columns = {"image_id": ["a"] * 5, "class_idx": [7, 7, 7, 3, 7], "annotator_id": [*people, "x:ann"]}
        >>> columns |= {"answer": [*answers, "no"], "question": ["contains"] * 4 + ["rate"], "source": ["x"] * 5}
        >>> votes = encode(pa.table(columns))
        >>> frequency, shown = selection_frequency(votes)
        >>> votes.label.tolist(), frequency.round(3).tolist(), shown.tolist()
        ([3, 7], [0.0, 0.667], [1, 3])
    """
    pair, answer, voter, first = _voters(votes, mask)
    weight, size = ANSWER_WEIGHTS[answer], len(votes.label)
    if len(first) < len(pair):
        weight, pair = np.bincount(voter, weight) / np.bincount(voter), pair[first]
    asked = np.bincount(pair, minlength=size)
    with np.errstate(invalid="ignore"):
        return np.bincount(pair, weight, size) / asked, asked


def self_contradictions(votes: VoteArrays, mask: Bools | None = None) -> Ints:
    """``(P,)``: people who say both yes and no to a label, as to two questions.

    Args:
        votes: that count.
        mask: ``(V,) bool``, the votes to look at; None: all.

    Examples:
        >>> columns = {"image_id": ["a"] * 3, "class_idx": [7] * 3, "annotator_id": ["x:ann", "x:ann", "x:bob"]}
        >>> columns |= {"answer": ["yes", "no", "no"], "question": ["contains", "rate", "rate"], "source": ["x"] * 3}
        >>> self_contradictions(encode(pa.table(columns))).tolist()
        [1]
    """
    pair, answer, voter, first = _voters(votes, mask)
    yes, no = (np.bincount(voter[answer == ANSWERS.index(word)], minlength=len(first)) > 0 for word in (YES, NO))
    return np.bincount(pair[first][yes & no], minlength=len(votes.label))


def decisive(votes: VoteArrays) -> Bools:
    """``(V,)``: the votes given with an image's labels side by side; of pairs without any, those given in a grid."""
    side_by_side = np.zeros(len(votes.label), np.bool_)
    side_by_side[votes.pair[~votes.contains]] = True
    return ~votes.contains | ~side_by_side[votes.pair]


def _voters(votes: VoteArrays, mask: Bools | None) -> tuple[Ints, Ints, Ints, Ints]:
    """Of each selected vote the pair, the answer, and an index of pair and person; and the first vote of each index."""
    columns = (votes.pair, votes.answer, votes.person)
    pair, answer, person = columns if mask is None else (column[mask] for column in columns)
    codes = pair * (int(person.max(initial=0)) + 1) + person
    _, first, voter = np.unique(codes, return_index=True, return_inverse=True)
    return pair, answer, voter, first


def _people(ids: Any, question: Ints, questions: int) -> tuple[Ints, Ints]:
    """Annotators, of whom the anonymous of a source share one for each kind of question; and persons, who do not."""
    codes, names = _codes(ids)
    people = [name if ANONYMOUS not in name else name.partition(":")[0] for name in names]
    shared = np.array([ANONYMOUS in name for name in names], np.bool_)
    _, annotator = np.unique(np.array(people, object), return_inverse=True)
    asked = np.where(shared[codes], question + 1, 0)  # nobody anonymous is known to answer two questions
    annotators, persons = (column[codes] * (questions + 1) + asked for column in (annotator, np.arange(len(names))))
    return np.unique(annotators, return_inverse=True)[1].astype(np.int64), persons


def _codes(column: Any) -> tuple[Ints, list[Any]]:
    """Indices into the sorted distinct values, and these."""
    dictionary_array = pa.chunked_array(column).combine_chunks().dictionary_encode()
    values: list[str] = dictionary_array.dictionary.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    codes = dictionary_array.indices.to_numpy(zero_copy_only=False)
    return rank[codes] if len(values) else np.zeros(0, np.int64), [values[n] for n in order]
