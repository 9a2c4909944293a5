"""Answers one by one: what a row of a file says, checked, as columns of ``votes``.

A row is one answer of one person on one image and one label. Without an answer it is a choice: the person named
the label for the image (see `reground.annotations.published.choices`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from reground.annotations.published.vocabulary import Vocabulary, is_imagenet_id
from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import LabelError, LabelIndex, label_index, resolve_label
from reground.tasks.imports import ImageMatcher, ImageMatchError
from reground.tasks.schema import ClassIdx, DropReason, ImageId
from reground.tasks.text import shorten
from reground.tasks.votes import ANSWER_WORDS, CLASSIFY, COMPARE, MAYBE, NO, QUESTIONS, RATE, YES

REQUIRED: Final = ("image_id", "label", "annotator")
ANSWER: Final = "answer"
OPTIONAL: Final = (ANSWER, "question", "main", "num_objects", "seconds", "at", "submission", "original")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
BOOLEANS: Final = {"": False, **{word: answer == YES for word, answer in ANSWER_WORDS.items() if answer != MAYBE}}

Lines = Iterator[tuple[int, Mapping[str, str]]]
"""(number, cells by column) of each row; all of `REQUIRED` and `OPTIONAL` are present."""


class RejectedError(Exception):
    """A row that is left out, with the reason and the detail of its row in ``dropped``."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class AnswerKey(NamedTuple):
    """The key of a vote within its source."""

    annotator_id: str
    question: str
    image_id: ImageId
    class_idx: ClassIdx


class Details(NamedTuple):
    """The columns of a vote that the whole submission has."""

    num_objects: int | None
    seconds: float | None
    at: str | None
    submission: str


@dataclass(frozen=True)
class AnswerReader:
    """Reads answers, one a row.

    Attributes:
        path: file or folder with the answers.
        lines: reads it, from the start with each call.
        digest: of the content.
        source: of the votes.
        vocabulary: labels are WordNet ids, names or indices of its classes.
        image_ids: of the workspace; None: it has none, and any id is accepted.
        original_labels: of the images, where known.
        unit: what a row is called in messages.
        choices: rows are choices of a label, without an answer.
        counts: what the file holds beside answers, as counted by ``lines``.
    """

    path: Path
    lines: Callable[[], Lines]
    digest: str
    source: str
    vocabulary: Vocabulary
    image_ids: Collection[str] | None
    original_labels: Mapping[str, int] = field(default_factory=dict[str, int])
    unit: str = "line"
    choices: bool = False
    counts: dict[str, int] = field(default_factory=dict[str, int])

    @cached_property
    def images(self) -> ImageMatcher:
        """Finds images; an ImageNet validation image need not be in the workspace."""
        return ImageMatcher(self.image_ids, is_imagenet_id)

    @cached_property
    def _classes(self) -> dict[str, ClassIdx | RejectedError]:
        return {}

    @cached_property
    def _index(self) -> LabelIndex:
        return label_index(self.vocabulary.classes)

    def location(self, number: int) -> str:
        """A row, in the messages of errors."""
        return f"{self.path}, {self.unit} {number}"

    def item(self, number: int) -> str:
        """A row, in ``dropped``."""
        return f"{self.path.name}, {self.unit} {number}"

    def check(self, number: int, cells: Mapping[str, str]) -> None:
        """Check that a row has what every row needs.

        Raises:
            UsageError: a cell is empty.
        """
        for name in REQUIRED if self.choices else (*REQUIRED, ANSWER):
            if not cells[name]:
                raise UsageError(f"{self.location(number)}: expected {name} to be filled in, found it empty")

    def image_id(self, text: str) -> ImageId:
        """The image that a row is about.

        Raises:
            RejectedError: the workspace lacks it, or has several of that name.
        """
        try:
            return self.images.match(text)
        except ImageMatchError as error:
            raise RejectedError(DropReason.IMAGE_UNKNOWN, str(error)) from error

    def class_idx(self, label: str) -> ClassIdx:
        """The class that a label names.

        Raises:
            RejectedError: none, or several.
        """
        found = self._classes.get(label)
        if found is None:
            try:
                found = ClassIdx(int(resolve_label(label, self._index)))
            except LabelError as error:
                found = RejectedError(DropReason.LABEL_UNKNOWN, str(error))
            self._classes[label] = found
        if isinstance(found, RejectedError):
            raise found
        return found

    def annotator_id(self, cells: Mapping[str, str]) -> str:
        """The annotator of a row."""
        return sys.intern(f"{self.source}:{cells['annotator']}")  # a few people give millions of answers

    def question(self, number: int, cells: Mapping[str, str]) -> str:
        """The question that a row answers.

        Raises:
            UsageError: there is none of that name.
        """
        text = cells["question"]
        if not text:
            return CLASSIFY if self.choices else RATE
        return _parse_choice(self.location(number), "question", text, (*QUESTIONS, RATE, COMPARE))

    def answer(self, number: int, cells: Mapping[str, str]) -> tuple[str, bool]:
        """The answer of a row, and whether its label is the main one.

        Raises:
            UsageError: a word that is no answer.
        """
        answer = ANSWER_WORDS.get(cells[ANSWER].lower())
        if answer is None:
            raise unknown(f"answer ({self.location(number)})", cells[ANSWER], (YES, MAYBE, NO))
        main = cells["main"]
        if not main:
            return answer, False
        return answer, BOOLEANS[_parse_choice(self.location(number), "main", main.lower(), BOOLEANS)]

    def details(self, number: int, cells: Mapping[str, str]) -> Details:
        """What a row says of the submission it belongs to.

        Raises:
            UsageError: a cell is malformed.
        """
        objects, seconds, at = cells["num_objects"], cells["seconds"], cells["at"]
        if not (objects or seconds or at):
            return Details(None, None, None, cells["submission"])
        location = self.location(number)
        return Details(
            _parse_number(location, "num_objects", objects, r"\d{1,4}(\.0+)?", _whole),
            _parse_number(location, "seconds", seconds, r"\d{1,9}(\.\d+)?(e(-\d{1,2}|\+?\d))?", float),
            _parse_time(location, at),
            cells["submission"],
        )


def _parse_choice(location: str, column: str, value: str, choices: Collection[str]) -> str:
    if value not in choices:
        raise unknown(f"{column} ({location})", value, [text for text in choices if text])
    return value


def _whole(text: str) -> int:
    return int(float(text))


def _parse_number(location: str, column: str, text: str, pattern: str, kind: Callable[[str], Any]) -> Any:
    if not text:
        return None
    if not re.fullmatch(pattern, text, re.ASCII):
        raise UsageError(f"{location}: expected {column} to be a number from 0 up, found '{shorten(text)}'")
    return kind(text)


def _parse_time(location: str, text: str) -> str | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{location}: expected at in ISO 8601, as 2026-01-31T12:00:00+00:00, found '{shorten(text)}'"
        ) from None
    return time.astimezone(UTC).isoformat(timespec="microseconds")
