"""Choices: rows that name a label without an answer, as crowdsourcing platforms export them.

Who chose a label says yes to it. Who answered on the image and did not choose it says no, if the label was on
offer: every label that anybody chose for the image was, and so was the image's original label if it is on the
list, that is, if anybody chose it for any image. Of other labels nothing is known, and nobody votes on them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reground.annotations.published.answers import AnswerKey, AnswerReader, Details, RejectedError
from reground.annotations.published.ballot import Ballot
from reground.tasks.errors import UsageError
from reground.tasks.schema import ClassIdx, DropReason, ImageId
from reground.tasks.tabular import parse_cell
from reground.tasks.votes import NO, YES, ContradictionError, check_answer

NONE_LABELS: Final = frozenset({"none", "none of these", "none of the above", "none_of_these"})
"""Options, in lower case, that say that no label of the list is valid."""


@dataclass
class _Choice:
    """What one person chose for one image in one submission.

    Attributes:
        number: of the first row.
        image_id: of the image.
        annotator_id: of the person.
        question: that was asked.
        details: of the submission.
        labels: that they chose.
        none: whether they chose that none is valid.
        unknown: whether they chose something that names no class.
    """

    number: int
    image_id: ImageId
    annotator_id: str
    question: str
    details: Details
    labels: set[ClassIdx] = field(default_factory=set[ClassIdx])
    none: bool = False
    unknown: bool = False


class Choices:
    """Collects the choices of a file, and turns them into votes.

    Args:
        reader: of the file.
        ballot: takes the votes.
    """

    def __init__(self, reader: AnswerReader, ballot: Ballot) -> None:
        self.reader, self.ballot = reader, ballot
        self._choices: dict[tuple[str, ImageId, str], _Choice] = {}

    def add(self, number: int, cells: Mapping[str, str], image_id: ImageId) -> None:
        """Add a row: a label, or several as a JSON list or with bars between."""
        details = self.reader.details(number, cells)
        annotator_id, question = self.reader.annotator_id(cells), self.reader.question(number, cells)
        key = annotator_id, image_id, details.submission
        choice = self._choices.setdefault(key, _Choice(number, image_id, annotator_id, question, details))
        for label in self._split(number, cells["label"]):
            if self._is_none(label):
                choice.none = True
                continue
            try:
                class_idx = self.reader.class_idx(label)
            except RejectedError as error:
                choice.unknown = True
                self.ballot.builder.drop(self.reader.item(number), error.reason, error.detail)
                continue
            self.ballot.repeated += class_idx in choice.labels
            choice.labels.add(class_idx)

    def vote(self) -> None:
        """Add the votes to the ballot; a choice that contradicts itself is left out."""
        choices = [choice for choice in self._choices.values() if self._is_valid(choice)]
        offered: defaultdict[ImageId, set[ClassIdx]] = defaultdict(set)
        for choice in choices:
            offered[choice.image_id] |= choice.labels
        listed = set[ClassIdx]().union(*offered.values())
        for image_id, labels in offered.items():
            original = self.reader.original_labels.get(image_id)
            labels |= {ClassIdx(original)} & listed if original is not None else set()
        for choice in choices:
            main = next(iter(choice.labels)) if len(choice.labels) == 1 and not choice.unknown else None
            for label in sorted(offered[choice.image_id]):
                key = AnswerKey(choice.annotator_id, choice.question, choice.image_id, label)
                answer = YES if label in choice.labels else NO
                self.ballot.add(choice.number, key, answer, label == main, choice.details)

    def _is_valid(self, choice: _Choice) -> bool:
        """Whether the choice says anything of the classes and does not contradict itself."""
        try:
            check_answer(choice.labels, none=choice.none)
        except ContradictionError as error:
            item = self.reader.item(choice.number)
            self.ballot.builder.drop(item, DropReason.ANSWER_INVALID, str(error))
            return False
        return bool(choice.labels) or (choice.none and not choice.unknown)

    def _is_none(self, label: str) -> bool:
        if label.lower() not in NONE_LABELS:
            return False
        try:
            self.reader.class_idx(label)
        except RejectedError:
            return True
        return False

    def _split(self, number: int, text: str) -> list[str]:
        """The labels of a cell."""
        if text[:1] in ("[", "{"):
            value = parse_cell(self.reader.location(number), text)
            labels: Any = value.get("choices") if isinstance(value, dict) else value
            if not isinstance(labels, list) or not all(isinstance(label, str | int) for label in labels):
                raise UsageError(
                    f"{self.reader.location(number)}: expected a label, a list of labels or "
                    f"{json.dumps({'choices': ['label']})}, found {text[:80]}"
                )
            return [str(label).strip() for label in labels]
        if "|" not in text:
            return [text]
        try:
            self.reader.class_idx(text)
        except RejectedError:
            return [label.strip() for label in text.split("|")]
        return [text]
