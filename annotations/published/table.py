"""Votes in a table: one answer, or one choice of a label, a row.

Columns ``image_id,label,annotator`` and, optionally, ``answer`` (yes, maybe or no; without that column a row is a
choice), ``question`` (default: rate; of choices classify), ``main`` (yes or no), ``num_objects``, ``seconds``,
``at``, ``submission`` (answers submitted together; default: one for each annotator, question and image) and
``original`` (the image's original label). The file may call them otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from reground.annotations.published.answers import ANSWER, OPTIONAL, REQUIRED, AnswerReader, Lines
from reground.annotations.published.label_studio import is_export
from reground.annotations.published.rows import digest_files
from reground.annotations.published.vocabulary import Vocabulary
from reground.tasks.errors import UsageError
from reground.tasks.tabular import read_column_names, read_text_table, unit


def table_reader(
    path: Path,
    vocabulary: Vocabulary,
    source: str,
    image_ids: Collection[str] | None,
    columns: Mapping[str, str],
    original_labels: Mapping[str, int],
) -> AnswerReader:
    """A reader of a table.

    Args:
        path: of the file.
        vocabulary: see `AnswerReader`.
        source: see `AnswerReader`.
        image_ids: see `AnswerReader`.
        columns: name -> the file's column with it, where that is another.
        original_labels: see `AnswerReader`.

    Raises:
        UsageError: the file cannot be read, or is an export of Label Studio.
    """
    if path.suffix.lower() == ".json" and is_export(path):
        raise UsageError(f"{path}: expected a table, found an export of Label Studio: give --format label-studio")

    def lines() -> Lines:
        yield from read_text_table(path, REQUIRED, OPTIONAL, columns)

    return AnswerReader(
        path,
        lines,
        digest_files(path),
        source,
        vocabulary,
        image_ids,
        original_labels,
        unit(path),
        choices=columns.get(ANSWER, ANSWER) not in read_column_names(path),
    )
