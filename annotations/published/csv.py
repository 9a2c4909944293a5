"""Votes in a CSV of one's own: one answer a line.

``image_id,label,annotator,answer`` and, where known, ``question`` (default: rate), ``main`` (yes or
no), ``num_objects``, ``seconds``, ``at``, ``submission`` (answers given at once; default: one for each
annotator, question and image) and ``original`` (the image's original label).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

from reground.annotations.published.rows import Gathered, Piece, Vocabulary, is_imagenet_id, stamp
from reground.tasks.errors import UsageError, unknown
from reground.tasks.images import LabelError, label_index, resolve_label
from reground.tasks.schema import ClassIdx, DropReason
from reground.tasks.votes import ANSWERS, COMPARE, QUESTIONS, RATE
from reground.tasks.workspace import digest, read_csv

REQUIRED: Final = ("image_id", "label", "annotator", "answer")
OPTIONAL: Final = ("question", "main", "num_objects", "seconds", "at", "submission", "original")
TRUTHS: Final = {"": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True}
AT_ONCE: Final = 100_000
"""Lines in one piece."""


Lines = Iterator[tuple[int, Mapping[str, str]]]
"""(number, cells by column) of each answer; each of `REQUIRED` and `OPTIONAL` is there."""


@dataclass(frozen=True)
class AnswerReader:
    """Reads answers, one a line.

    Attributes:
        path: file or folder they come from.
        lines: reads it, from the start with each call.
        stamp: digest of what is read.
        source: what the votes' source is called.
        vocabulary: labels may be WordNet ids, exact names or indices of its classes.
        known: ids of the images in the workspace; None: it has none, and any id will do.
        unit: what a line is called in messages.
    """

    path: Path
    lines: Callable[[], Lines]
    stamp: str
    source: str
    vocabulary: Vocabulary
    known: Collection[str] | None
    unit: str = "line"

    @cached_property
    def index(self) -> Mapping[str, set[ClassIdx]]:
        """What a label may be called -> classes."""
        return label_index(self.vocabulary.classes)

    def cells(self, line: int, cells: Mapping[str, str]) -> dict[str, Any]:
        """A line, checked. Raises `UsageError` where it is malformed."""
        where = f"{self.path}, {self.unit} {line}"
        for name in REQUIRED:
            if not cells[name]:
                raise UsageError(f"{where}: expected {', '.join(REQUIRED)} to be filled in, found {name} empty")
        question = _among(where, "question", cells["question"] or RATE, (*QUESTIONS, RATE, COMPARE))
        who = f"{self.source}:{cells['annotator']}"
        return {
            "question": question,
            "image_id": cells["image_id"],
            "annotator_id": who,
            "answer": _among(where, "answer", cells["answer"], ANSWERS),
            "main": TRUTHS[_among(where, "main", cells["main"].lower(), TRUTHS)],
            "num_objects": _number(where, "num_objects", cells["num_objects"], r"\d{1,4}", int),
            "seconds": _number(where, "seconds", cells["seconds"], r"\d+(\.\d+)?", float),
            "at": _moment(where, cells["at"]),
            "answer_id": f"{self.source}:{cells['submission'] or f'{question}:{who}:' + cells['image_id']}",
        }

    def knows(self, image_id: str) -> bool:
        return self.known is None or image_id in self.known or is_imagenet_id(image_id)


def csv_reader(path: Path, vocabulary: Vocabulary, source: str, known: Collection[str] | None) -> AnswerReader:
    """Reads a CSV; for the arguments see `AnswerReader`."""

    def lines() -> Lines:
        yield from read_csv(path, REQUIRED, OPTIONAL)

    return AnswerReader(path, lines, stamp(path), source, vocabulary, known)


def pieces(reader: AnswerReader) -> Iterator[Piece]:
    """A piece for every `AT_ONCE` lines.

    Raises:
        UsageError: the file is missing or a line malformed; names the line. Nothing is made yet then.
    """
    lines = sum(1 for line, cells in reader.lines() if reader.cells(line, cells))
    if not lines:
        raise UsageError(f"{reader.path}: expected one answer a {reader.unit}, found none")
    made_from = digest(reader.stamp, *sorted(reader.known or ()))
    for first in range(0, lines, AT_ONCE):
        yield Piece(f"{first:09d}", made_from, lambda first=first: _make(reader, first).output())


def _make(reader: AnswerReader, first: int) -> Gathered:
    made = Gathered(reader.source, reader.vocabulary.wnids)
    originals: dict[str, str] = {}
    for line, cells in islice(reader.lines(), first, first + AT_ONCE):
        vote = reader.cells(line, cells)
        item = f"{reader.path.name}, {reader.unit} {line}"
        if not reader.knows(vote["image_id"]):
            made.drop(item, DropReason.IMAGE_UNKNOWN, f"no image {vote['image_id']}")
            continue
        if cells["original"]:
            originals.setdefault(vote["image_id"], cells["original"])
        try:
            made.vote(class_idx=resolve_label(cells["label"], reader.index), **vote)
        except LabelError as error:
            made.drop(item, DropReason.LABEL_UNKNOWN, str(error))
    for image_id, label in originals.items():
        try:
            made.original(image_id, resolve_label(label, reader.index))
        except LabelError as error:
            made.drop(image_id, DropReason.LABEL_UNKNOWN, f"original label: {error}")
    return made


def _among(where: str, name: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise unknown(f"{name} ({where})", value, [text for text in known if text])
    return value


def _number(where: str, name: str, text: str, pattern: str, kind: type) -> Any:
    if not text:
        return None
    if not re.fullmatch(pattern, text):
        raise UsageError(f"{where}: expected {name} to be a number from 0 up, found '{text}'")
    return kind(text)


def _moment(where: str, text: str) -> str | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{where}: expected at in ISO 8601, as 2026-01-31T12:00:00+00:00, found '{text}'") from None
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
