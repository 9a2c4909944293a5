"""Votes in a CSV: one answer a line.

Columns ``image_id,label,annotator,answer`` and, optionally, ``question`` (default: rate), ``main`` (yes or no),
``num_objects``, ``seconds``, ``at``, ``submission`` (answers submitted together; default: one for each annotator,
question and image) and ``original`` (the image's original label).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

from reground.annotations.published.rows import ImportShard, RowBuilder, digest_files
from reground.annotations.published.vocabulary import Vocabulary, is_imagenet_id
from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import LabelError, label_index, resolve_label
from reground.tasks.schema import ClassIdx, DropReason
from reground.tasks.tabular import read_text_table
from reground.tasks.votes import ANSWERS, COMPARE, QUESTIONS, RATE
from reground.tasks.workspace import digest

REQUIRED: Final = ("image_id", "label", "annotator", "answer")
OPTIONAL: Final = ("question", "main", "num_objects", "seconds", "at", "submission", "original")
BOOLEANS: Final = {"": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True}
CHUNK_SIZE: Final = 100_000
"""Lines in one shard."""


Lines = Iterator[tuple[int, Mapping[str, str]]]
"""(number, cells by column) of each answer; all of `REQUIRED` and `OPTIONAL` are present."""


class RejectedError(Exception):
    """A line that is left out, with the reason and the detail of its row in ``dropped``."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class AnswerReader:
    """Reads answers, one a line.

    Attributes:
        path: file or folder with the answers.
        lines: reads it, from the start with each call.
        digest: of the content.
        source: of the votes.
        vocabulary: labels are WordNet ids, exact names or indices of its classes.
        image_ids: of the workspace; None: it has none, and any id is accepted.
        unit: what a line is called in messages.
    """

    path: Path
    lines: Callable[[], Lines]
    digest: str
    source: str
    vocabulary: Vocabulary
    image_ids: Collection[str] | None
    unit: str = "line"

    @cached_property
    def index(self) -> Mapping[str, set[ClassIdx]]:
        """Name of a label -> classes."""
        return label_index(self.vocabulary.classes)

    def parse(self, line: int, cells: Mapping[str, str]) -> dict[str, Any]:
        """The columns of ``votes`` on a line, apart from ``class_idx``.

        Raises:
            UsageError: the line is malformed.
        """
        location = f"{self.path}, {self.unit} {line}"
        for name in REQUIRED:
            if not cells[name]:
                raise UsageError(f"{location}: expected {', '.join(REQUIRED)} to be filled in, found {name} empty")
        question = _parse_choice(location, "question", cells["question"] or RATE, (*QUESTIONS, RATE, COMPARE))
        annotator_id = f"{self.source}:{cells['annotator']}"
        submission = cells["submission"] or f"{question}:{annotator_id}:{cells['image_id']}"
        return {
            "question": question,
            "image_id": cells["image_id"],
            "annotator_id": annotator_id,
            "answer": _parse_choice(location, "answer", cells["answer"], ANSWERS),
            "main": BOOLEANS[_parse_choice(location, "main", cells["main"].lower(), BOOLEANS)],
            "num_objects": _parse_number(location, "num_objects", cells["num_objects"], r"\d{1,4}", int),
            "seconds": _parse_number(location, "seconds", cells["seconds"], r"\d+(\.\d+)?", float),
            "at": _parse_time(location, cells["at"]),
            "answer_id": f"{self.source}:{submission}",
        }

    def class_idx(self, cells: Mapping[str, str]) -> ClassIdx:
        """The class that a line is about.

        Raises:
            RejectedError: the workspace lacks the image or the class; an ImageNet validation image need not be there.
        """
        image_id = cells["image_id"]
        if not (self.image_ids is None or image_id in self.image_ids or is_imagenet_id(image_id)):
            raise RejectedError(DropReason.IMAGE_UNKNOWN, f"no image {image_id}")
        try:
            return ClassIdx(resolve_label(cells["label"], self.index))
        except LabelError as error:
            raise RejectedError(DropReason.LABEL_UNKNOWN, str(error)) from error


def csv_reader(path: Path, vocabulary: Vocabulary, source: str, image_ids: Collection[str] | None) -> AnswerReader:
    """A reader of a CSV; for the arguments see `AnswerReader`."""

    def lines() -> Lines:
        yield from read_text_table(path, REQUIRED, OPTIONAL)

    return AnswerReader(path, lines, digest_files(path), source, vocabulary, image_ids)


def answer_shards(reader: AnswerReader) -> Iterator[ImportShard]:
    """A shard for every `CHUNK_SIZE` lines.

    Raises:
        UsageError: the file is missing, a line is malformed, an annotator answers one question twice, or no line
            can be used; names the line. Nothing is built then.
    """
    num_lines = _check_lines(reader)
    input_digest = digest(reader.digest, *sorted(reader.image_ids or ()))
    for start in range(0, num_lines, CHUNK_SIZE):
        yield ImportShard(f"{start:09d}", input_digest, lambda start=start: _build(reader, start).output())


def _check_lines(reader: AnswerReader) -> int:
    """The number of lines, once all are checked."""
    first_lines: dict[tuple[str, str, str, int], int] = {}
    first_rejection = ""
    num_lines = 0
    for line, cells in reader.lines():
        num_lines += 1
        vote = reader.parse(line, cells)
        try:
            class_idx = reader.class_idx(cells)
        except RejectedError as error:
            first_rejection = first_rejection or f"{reader.unit} {line}: {error.detail}"
            continue
        pair = vote["question"], sys.intern(vote["annotator_id"]), sys.intern(vote["image_id"]), class_idx
        first_line = first_lines.setdefault(pair, line)
        if first_line != line:
            raise UsageError(
                f"{reader.path}, {reader.unit} {line}: {cells['annotator']} answers {vote['question']} on "
                f"{cells['label']} in {cells['image_id']} again (first on {reader.unit} {first_line}): one person has "
                "one vote on an image and a label. Keep one of the two."
            )
    if not num_lines:
        raise UsageError(f"{reader.path}: expected one answer a {reader.unit}, found none")
    if not first_lines:
        raise UsageError(
            f"{reader.path}: expected answers on images and classes of this workspace, but none of the {num_lines:,} "
            f"can be used; {first_rejection}"
        )
    return num_lines


def _build(reader: AnswerReader, start: int) -> RowBuilder:
    builder = RowBuilder(reader.source, reader.vocabulary.wnids)
    original_labels: dict[str, str] = {}
    for line, cells in islice(reader.lines(), start, start + CHUNK_SIZE):
        vote = reader.parse(line, cells)
        item = f"{reader.path.name}, {reader.unit} {line}"
        try:
            builder.add_vote(class_idx=reader.class_idx(cells), **vote)
        except RejectedError as error:
            builder.drop(item, error.reason, error.detail)
            if error.reason == DropReason.IMAGE_UNKNOWN:
                continue
        if cells["original"]:
            original_labels.setdefault(vote["image_id"], cells["original"])
    for image_id, label in original_labels.items():
        try:
            builder.add_original(image_id, resolve_label(label, reader.index))
        except LabelError as error:
            builder.drop(image_id, DropReason.LABEL_UNKNOWN, f"original label: {error}")
    return builder


def _parse_choice(location: str, column: str, value: str, choices: Collection[str]) -> str:
    if value not in choices:
        raise unknown(f"{column} ({location})", value, [text for text in choices if text])
    return value


def _parse_number(location: str, column: str, text: str, pattern: str, kind: type) -> Any:
    if not text:
        return None
    if not re.fullmatch(pattern, text):
        raise UsageError(f"{location}: expected {column} to be a number from 0 up, found '{text}'")
    return kind(text)


def _parse_time(location: str, text: str) -> str | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{location}: expected at in ISO 8601, as 2026-01-31T12:00:00+00:00, found '{text}'") from None
    return time.astimezone(UTC).isoformat(timespec="microseconds")
