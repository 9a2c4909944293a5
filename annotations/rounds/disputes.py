"""Disputes: pairs of image and label that votes leave in doubt, for a curator to decide.

Reads ``truth`` and ``gold`` beside the votes. A pair has as many reasons as rules in `RULES` name it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.rounds.gold import Pair, read_gold
from reground.tasks.kernels.label_state import TIE, TOLERANCE
from reground.tasks.schema import AnnotatorId, ClassIdx, ImageId
from reground.tasks.votes import (
    MAYBE,
    NO,
    YES,
    Bools,
    Floats,
    VoteArrays,
    decisive,
    encode,
    selection_frequency,
    self_contradictions,
)
from reground.tasks.workspace import Workspace

MIN_AGREEMENT: Final = 0.75
"""Share of the votes on a pair that must be equal: four of five, but not two of three."""


@dataclass(frozen=True)
class Dispute:
    """One pair that is in doubt.

    Attributes:
        image_id: of the image.
        class_idx: the label.
        reasons: names of `RULES`.
        voters: answer -> who gives it, of the answers that anybody gives.
    """

    image_id: ImageId
    class_idx: ClassIdx
    reasons: tuple[str, ...]
    voters: Mapping[str, Sequence[AnnotatorId]]

    def tally(self) -> str:
        """The numbers of votes in words."""
        counts = ((len(self.voters.get(answer, ())), answer) for answer in (YES, NO, MAYBE))
        return ", ".join(f"{count} {answer}" for count, answer in counts if count or answer != MAYBE)


@dataclass(frozen=True)
class DisputeInputs:
    """What the rules look at: V votes on P pairs.

    Attributes:
        votes: that count.
        frequency: ``(P,)`` selection frequency of the decisive votes, 0 to 1.
        annotators: ``(P,)`` people who gave these votes.
        confidence: ``(P,)`` of the truth, 0 to 1; NaN: it has none.
        gold: pair -> known answer.
    """

    votes: VoteArrays
    frequency: Floats
    annotators: Floats
    confidence: Floats
    gold: Mapping[Pair, str]


def _is_tie(inputs: DisputeInputs) -> Bools:
    return (inputs.annotators > 1) & np.isclose(inputs.frequency, TIE, rtol=0, atol=TOLERANCE)


def _is_low(inputs: DisputeInputs) -> Bools:
    """Fewer than `MIN_AGREEMENT` of several votes agree, or the truth is less sure than that; not a tie."""
    doubt = [np.maximum(share, 1 - share) < MIN_AGREEMENT for share in (inputs.frequency, inputs.confidence)]
    return (inputs.annotators > 1) & (doubt[0] | doubt[1]) & ~_is_tie(inputs)


def _contradicts_gold(inputs: DisputeInputs) -> Bools:
    """At least half of the votes contradict the known answer: people are wrong, or the gold is."""
    votes = inputs.votes
    pairs = (
        (ImageId(votes.image_ids[image]), ClassIdx(label))
        for image, label in zip(votes.image.tolist(), votes.label.tolist(), strict=True)
    )
    answers = [inputs.gold.get(pair) for pair in pairs] if inputs.gold else [None] * len(votes.label)
    positive, negative = (np.array([known == answer for known in answers], np.bool_) for answer in (YES, NO))
    return (positive & (inputs.frequency <= 0.5)) | (negative & (inputs.frequency >= 0.5))


def _contradicts_oneself(inputs: DisputeInputs) -> Bools:
    """Somebody says both yes and no, and neither answer outweighs the other as CLASSIFY outweighs CONTAINS."""
    return self_contradictions(inputs.votes, decisive(inputs.votes)) > 0


RULES: Final[dict[str, Callable[[DisputeInputs], Bools]]] = {
    "tie": _is_tie,
    "low confidence": _is_low,
    "contradicts gold": _contradicts_gold,
    "contradicts oneself": _contradicts_oneself,
}
"""Reason -> ``(P,)``, whether a pair is in doubt for it."""


def find_disputes(workspace: Workspace, table: pa.Table, decided: Collection[tuple[str, int]]) -> list[Dispute]:
    """The pairs in doubt, those with the most divided votes first.

    Args:
        workspace: with truth and gold, as far as there are any.
        table: votes that count, those on pairs with a known answer too, with the columns `VOTE_COLUMNS`.
        decided: pairs that a curator decided, which are left out.
    """
    votes = encode(table)
    if not len(votes.label):
        return []
    frequency, annotators = selection_frequency(votes, decisive(votes))
    confidence = _confidence(workspace, votes)
    inputs = DisputeInputs(votes, frequency, annotators.astype(np.float64), confidence, read_gold(workspace))
    flags = {reason: rule(inputs) for reason, rule in RULES.items()}
    selected = np.flatnonzero(np.logical_or.reduce(list(flags.values())))
    order = selected[np.argsort(np.abs(frequency[selected] - 0.5), kind="stable")]
    voters = _voters(table, {votes.image_ids[n] for n in votes.image[order]})
    return [
        Dispute(*pair, tuple(reason for reason, is_flagged in flags.items() if is_flagged[n]), voters[pair])
        for n in order.tolist()
        if (pair := (ImageId(votes.image_ids[votes.image[n]]), ClassIdx(int(votes.label[n])))) not in decided
    ]


def _confidence(workspace: Workspace, votes: VoteArrays) -> Floats:
    """``(P,)``: of the truth; NaN where it does not judge a pair."""
    rows = workspace.read_arrow("truth", ("image_id", "judged", "confidence"))
    lists = zip(*(rows[name].to_pylist() for name in ("image_id", "judged", "confidence")), strict=True)
    known = {image_id: dict(zip(labels, values, strict=True)) for image_id, labels, values in lists}
    nobody: dict[int, float] = {}
    pairs = zip(votes.image.tolist(), votes.label.tolist(), strict=True)
    return np.array([known.get(votes.image_ids[image], nobody).get(label, np.nan) for image, label in pairs], float)


def _voters(votes: pa.Table, image_ids: set[str]) -> Mapping[Pair, Mapping[str, Sequence[AnnotatorId]]]:
    """Pair -> answer -> annotators, of some images."""
    voters: dict[Pair, dict[str, list[AnnotatorId]]] = defaultdict(lambda: defaultdict(list))
    order = {answer: place for place, answer in enumerate((YES, NO, MAYBE))}
    for image_id, label, answer, annotator_id in sorted(_rows(votes, image_ids), key=lambda row: order[row[2]]):
        people = voters[ImageId(image_id), ClassIdx(label)][answer]
        if annotator_id not in people:
            people.append(AnnotatorId(annotator_id))
    return voters


def _rows(votes: pa.Table, image_ids: set[str]) -> Iterator[tuple[str, int, str, str]]:
    table = votes.filter(pc.field("image_id").isin(pa.array(sorted(image_ids), pa.string())))
    columns = ("image_id", "class_idx", "answer", "annotator_id")
    return zip(*(table[name].to_pylist() for name in columns), strict=True)
