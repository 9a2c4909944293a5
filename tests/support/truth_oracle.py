"""The truth once more, image by image in plain Python, from the tables of votes, gold, annotators and decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reground.annotations.truth import TruthSettings

Row = Mapping[str, Any]
WEIGHTS = {"yes": Fraction(1), "maybe": Fraction(1, 2), "no": Fraction(0)}
COLLECTED = ("label-studio", "recorded", "simulated")


@dataclass(frozen=True)
class Tables:
    """Rows of the tables that the truth is made of."""

    images: Sequence[Row]
    original_labels: Sequence[Row]
    votes: Sequence[Row]
    gold: Sequence[Row]
    annotators: Sequence[Row]
    decisions: Sequence[Row]


@dataclass(frozen=True)
class Verdict:
    """What the tables say of one image.

    Attributes:
        labels: that hold if the image is settled, else the original one; none where that is unknown.
        main: the labels that most people call the main one, if the image is settled; several: a tie.
    """

    original: int | None
    state: str
    outcome: str | None
    labels: list[int]
    main: set[int]


@dataclass(frozen=True)
class _Label:
    confidence: Fraction
    frequency: Fraction
    people: int
    decision: str | None


def verdicts(tables: Tables, settings: TruthSettings) -> dict[str, Verdict]:
    """image_id -> what the tables say of it."""
    originals = {row["image_id"]: row["class_idx"] for row in tables.original_labels}
    originals |= {row["image_id"]: row["class_idx"] for row in tables.images}
    votes = list(_counted(tables, settings))
    image_ids = {*originals, *(row["image_id"] for rows in (tables.votes, tables.decisions) for row in rows)}
    return {
        image_id: _verdict(
            originals.get(image_id),
            [row for row in votes if row["image_id"] == image_id],
            {row["class_idx"]: row["answer"] for row in tables.decisions if row["image_id"] == image_id},
            settings,
        )
        for image_id in sorted(image_ids)
    }


def _counted(tables: Tables, settings: TruthSettings) -> Iterator[Row]:
    gold = {(row["image_id"], row["class_idx"]) for row in tables.gold}
    excluded = {row["annotator_id"] for row in tables.annotators if row["excluded"] is not None}
    for row in tables.votes:
        if row["source"] in settings.hold_out:
            continue
        if row["annotator_id"] in excluded and not settings.count_excluded:
            continue
        is_gold = row["source"] in COLLECTED and (row["image_id"], row["class_idx"]) in gold
        if not is_gold or settings.count_gold:
            yield row


def _verdict(
    original: int | None, votes: Sequence[Row], decisions: Mapping[int, str], settings: TruthSettings
) -> Verdict:
    if not votes and not decisions:
        return Verdict(original, "unreviewed", None, [] if original is None else [original], set())
    labels = {
        label: _label([row for row in votes if row["class_idx"] == label], decisions.get(label))
        for label in {*decisions, *(row["class_idx"] for row in votes)}
    }
    keep, ratio = Fraction(str(settings.keep)), Fraction(str(settings.ratio))
    base = labels[original].frequency if original in labels else Fraction(1)
    deciding = [original] if original is not None else list(labels)
    is_settled = any(
        label in labels and (labels[label].decision or labels[label].people >= settings.min_annotators)
        for label in deciding
    ) and not any(
        _is_undecided(judged, label == original, base, ratio, keep, settings.min_annotators)
        for label, judged in labels.items()
    )
    if not is_settled:
        return Verdict(original, "in_review", None, [] if original is None else [original], set())
    kept = [n for n, judged in labels.items() if judged.confidence >= keep and judged.decision != "no"]
    kept.sort(key=lambda label: (-labels[label].confidence, label))
    return Verdict(original, "settled", _outcome(original, kept), kept, _main(votes, decisions))


def _label(votes: Sequence[Row], decision: str | None) -> _Label:
    side_by_side = [row for row in votes if row["question"] != "contains"]
    answers: dict[str, list[Fraction]] = {}
    for row in side_by_side or votes:
        answers.setdefault(row["annotator_id"], []).append(WEIGHTS[row["answer"]])
    people = [sum(said, Fraction(0)) / len(said) for said in answers.values()]
    share = sum(people, Fraction(0)) / len(people) if people else Fraction(decision == "yes")
    return _Label(Fraction(decision == "yes") if decision else share, share, len(people), decision)


def _is_undecided(
    label: _Label, is_original: bool, base: Fraction, ratio: Fraction, keep: Fraction, min_annotators: int
) -> bool:
    if label.decision:
        return False
    if keep == Fraction(1, 2) and label.confidence == keep:
        return True
    may_hold = is_original or (label.frequency > 0 and label.frequency >= ratio * base) or label.confidence >= keep
    return label.people < min_annotators and may_hold


def _outcome(original: int | None, labels: Sequence[int]) -> str:
    if not labels:
        return "empty"
    if original is None:
        return "labelled"
    if original not in labels:
        return "changed"
    return "confirmed" if len(labels) == 1 else "extended"


def _main(votes: Sequence[Row], decisions: Mapping[int, str]) -> set[int]:
    counts = Counter(row["class_idx"] for row in votes if row["main"] and decisions.get(row["class_idx"]) != "no")
    return {label for label, count in counts.items() if count == max(counts.values())}
