"""The votes of one source, each once: one person has one vote on a question, an image and a label.

A vote has the key (source, annotator, question, image, label). One that comes again counts once; one that says
something else is a contradiction, and no vote of the file is imported.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from reground.annotations.published.answers import AnswerKey, AnswerReader, Details
from reground.annotations.published.rows import RowBuilder
from reground.tasks.errors import UsageError
from reground.tasks.schema import DropReason
from reground.tasks.votes import YES, ContradictionError, check_answer

MAX_LISTED: Final = 5
"""Contradictions in an error message."""


class Ballot:
    """Collects the votes of a file under their keys.

    Attributes:
        reader: of the file, for messages.
        builder: of the rows.
        repeated: votes that came again.
    """

    def __init__(self, reader: AnswerReader, builder: RowBuilder) -> None:
        self.reader, self.builder = reader, builder
        self.repeated = 0
        self._rows: dict[AnswerKey, int] = {}
        self._numbers = array("q")
        self._contradictions: list[str] = []
        self._structured: set[str] = set()

    def add(self, number: int, key: AnswerKey, answer: str, main: bool, details: Details) -> None:
        """Add a vote.

        Args:
            number: of its row.
            key: of the vote.
            answer: yes, maybe or no.
            main: whether the label is the main one.
            details: of its submission.
        """
        row = self._rows.setdefault(key, len(self._numbers))
        if row < len(self._numbers):
            self.repeated += 1
            if (self.builder.votes["answer"][row], self.builder.votes["main"][row]) != (answer, main):
                self._contradictions.append(self._contradiction(key, row, number, answer))
            return
        self._numbers.append(number)
        source = self.reader.source
        submission = details.submission or f"{key.question}:{key.annotator_id}:{key.image_id}"
        answer_id = sys.intern(f"{source}:{submission}")
        if main or details.num_objects is not None:
            self._structured.add(answer_id)
        self.builder.add_vote(
            question=key.question,
            image_id=key.image_id,
            class_idx=key.class_idx,
            annotator_id=key.annotator_id,
            answer=answer,
            main=main,
            num_objects=details.num_objects,
            seconds=details.seconds,
            at=details.at,
            answer_id=answer_id,
        )

    def check(self) -> None:
        """Raises:
        UsageError: two rows contradict each other; names the first ones by line.
        """
        if self._contradictions:
            count = len(self._contradictions)
            more = f"; and {count - MAX_LISTED:,} more" if count > MAX_LISTED else ""
            raise UsageError(
                f"{self.reader.path}: expected one vote of a person on a question, an image and a label, found "
                f"{count:,} that say something else than an earlier one: "
                f"{'; '.join(self._contradictions[:MAX_LISTED])}{more}. Keep one of each."
            )

    def drop_contradictory_submissions(self) -> None:
        """Leave out the submissions that contradict themselves, with their rows in ``dropped``."""
        for answer_id, rows in self._submissions():
            columns = self.builder.votes
            valid = [columns["class_idx"][row] for row in rows if columns["answer"][row] == YES]
            main = [columns["class_idx"][row] for row in rows if columns["main"][row]]
            counts = [columns["num_objects"][row] for row in rows if columns["num_objects"][row] is not None]
            try:
                check_answer(valid, main, counts)
            except ContradictionError as error:
                self.builder.drop(answer_id, DropReason.ANSWER_INVALID, str(error))
                self._structured.add(answer_id)
            else:
                self._structured.discard(answer_id)
        if self._structured:
            keep = [row for row, name in enumerate(self.builder.votes["answer_id"]) if name not in self._structured]
            for name, column in self.builder.votes.items():
                self.builder.votes[name] = [column[row] for row in keep]

    def _submissions(self) -> Iterator[tuple[str, list[int]]]:
        """The rows of each submission that says which label is the main one, or how many objects there are."""
        rows: dict[str, list[int]] = defaultdict(list)
        if self._structured:
            for row, answer_id in enumerate(self.builder.votes["answer_id"]):
                if answer_id in self._structured:
                    rows[answer_id].append(row)
        yield from rows.items()

    def _contradiction(self, key: AnswerKey, row: int, number: int, answer: str) -> str:
        first = self.builder.votes["answer"][row]
        name = key.annotator_id.removeprefix(f"{self.reader.source}:")
        label = next(row["name"] for row in self.reader.vocabulary.classes if row["class_idx"] == key.class_idx)
        both = f"{first} and {answer}" if first != answer else f"{answer}, as the main label and not"
        lines = f"{self.reader.unit}s {self._numbers[row]} and {number}"
        return f"{name} says {both} to {label} in {key.image_id} ({key.question}; {lines})"
