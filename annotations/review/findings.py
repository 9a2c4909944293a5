"""Findings: rows of what a manager looks at one by one: disputes, skips and refused answers, by person and by label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict


class DisputeRow(TypedDict):
    """A pair of image and label in doubt.

    Keys:
        image_id: of the image.
        class_idx: the label.
        label: its name.
        reasons: why it is in doubt.
        voters: answer -> people who give it.
        links: URLs of the questions that ask about it.
    """

    image_id: str
    class_idx: int
    label: str
    reasons: list[str]
    voters: dict[str, list[str]]
    links: list[str]


class SkipStatusRow(TypedDict):
    """A question that somebody skipped and has not answered since.

    Keys:
        key: of the question, without its assignee.
        people: who skipped it.
        answers: valid answers to it.
        by_all: everybody who was asked skipped it.
        links: URLs of its tasks.
    """

    key: str
    people: list[str]
    answers: int
    by_all: bool
    links: list[str]


class RefusalRow(TypedDict):
    """An answer, or a part of one, that does not count.

    Keys:
        person: who submitted it.
        reason: from the closed list DropReason.
        detail: for a person to read.
        link: URL of the answer.
    """

    person: str
    reason: str
    detail: str
    link: str


class PersonRow(TypedDict):
    """One person: numbers of valid answers, skips, refused answers, votes on disputed pairs, and decisions.

    ``excluded`` is the reason why their votes do not count; empty: they count.
    """

    person: str
    answers: int
    skips: int
    refused: int
    disputed: int
    decisions: int
    excluded: str


class LabelRow(TypedDict):
    """One label: numbers of votes in Label Studio, of disputed pairs, and of skipped questions that show it."""

    class_idx: int
    label: str
    votes: int
    disputed: int
    skipped: int


@dataclass(frozen=True)
class Findings:
    """All findings; each list begins with what matters most."""

    disputes: list[DisputeRow] = field(default_factory=list[DisputeRow])
    skips: list[SkipStatusRow] = field(default_factory=list[SkipStatusRow])
    refusals: list[RefusalRow] = field(default_factory=list[RefusalRow])
    people: list[PersonRow] = field(default_factory=list[PersonRow])
    labels: list[LabelRow] = field(default_factory=list[LabelRow])
