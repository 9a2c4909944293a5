"""From answers to shards of an import: every row is checked before the first shard is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

from reground.annotations.published.answers import AnswerKey, AnswerReader, RejectedError
from reground.annotations.published.ballot import Ballot
from reground.annotations.published.choices import Choices
from reground.annotations.published.rows import ImportShard, RowBuilder
from reground.tasks.errors import UsageError
from reground.tasks.imports import check_rows_left, log_drops
from reground.tasks.schema import DroppedRow, DropReason, ImageId, OriginalLabelRow
from reground.tasks.workspace import Output, digest

CHUNK_SIZE: Final = 100_000
"""Votes in one shard."""


def answer_shards(reader: AnswerReader) -> Iterator[ImportShard]:
    """A shard for every `CHUNK_SIZE` votes; the first has the original labels and the rows left out.

    Counts what the file holds beside votes in ``reader.counts``.

    Raises:
        UsageError: the file is missing, a row is malformed, two rows contradict each other, or no row can be used;
            names the line.
    """
    builder = _read(reader)
    votes, others = builder.take_votes(), (builder.originals, builder.dropped)
    original_labels = digest(*(f"{key} {value}" for key, value in sorted(reader.original_labels.items())))
    input_digest = digest(reader.digest, original_labels, *sorted(reader.image_ids or ()))
    for start in range(0, len(votes), CHUNK_SIZE):
        output = _output(votes.slice(start, CHUNK_SIZE), *(others if start == 0 else ([], [])))
        yield ImportShard(f"{start:09d}", input_digest, lambda output=output: output)


def _output(votes: pa.Table, originals: list[OriginalLabelRow], dropped: list[DroppedRow]) -> Output:
    return Output({"votes": votes, "original_labels": originals, "dropped": dropped})


def _read(reader: AnswerReader) -> RowBuilder:
    builder = RowBuilder(reader.source, reader.vocabulary.wnids)
    ballot = Ballot(reader, builder)
    choices = Choices(reader, ballot)
    original_labels: dict[ImageId, str] = {}
    for number, cells in reader.lines():
        reader.check(number, cells)
        try:
            image_id = reader.image_id(cells["image_id"])
            if cells["original"]:
                original_labels.setdefault(image_id, cells["original"])
            if reader.choices:
                choices.add(number, cells, image_id)
            else:
                _add_vote(reader, ballot, number, cells, image_id)
        except RejectedError as error:
            builder.drop(reader.item(number), error.reason, error.detail)
    reader.images.check_folders(str(reader.path))
    choices.vote()
    ballot.check()
    ballot.drop_contradictory_submissions()
    _add_original_labels(reader, builder, original_labels)
    _check_votes(reader, builder)
    log_drops(reader.path, builder.dropped)
    reader.counts["repeated"] = ballot.repeated
    return builder


def _add_vote(reader: AnswerReader, ballot: Ballot, number: int, cells: Mapping[str, str], image_id: ImageId) -> None:
    answer, main = reader.answer(number, cells)
    question, details = reader.question(number, cells), reader.details(number, cells)
    key = AnswerKey(reader.annotator_id(cells), question, image_id, reader.class_idx(cells["label"]))
    ballot.add(number, key, answer, main, details)


def _add_original_labels(reader: AnswerReader, builder: RowBuilder, labels: Mapping[ImageId, str]) -> None:
    for image_id, label in labels.items():
        try:
            builder.add_original(image_id, reader.class_idx(label))
        except RejectedError as error:
            builder.drop(image_id, DropReason.LABEL_UNKNOWN, f"original label: {error.detail}")


def _check_votes(reader: AnswerReader, builder: RowBuilder) -> None:
    num_votes = len(builder.votes["answer"])
    try:
        check_rows_left(reader.path, f"one answer a {reader.unit}", num_votes, builder.dropped)
    except UsageError as error:
        others = ", ".join(f"{name} {count:,}" for name, count in reader.counts.items() if count)
        raise UsageError(f"{error} ({others})" if others else str(error)) from None
