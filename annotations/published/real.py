"""The votes of Beyer et al. 2020 (ReaL), laid out as in google-research/reassessed-imagenet.

``raters.npz`` has every vote: ``tensor`` (raters, pairs, answers no / maybe / yes), ``info`` (pairs: image,
label) and ``ids`` (raters). ``raters_golden.npz`` and ``golden.npz`` have the same layout: the answers of most of
the same raters, and of five experts, on a golden set; each is a source of its own. Uncompressed, the tensor has
377 MB: it is read rater by rater.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.published.rows import (
    ImportShard,
    digest_files,
    original_row,
    unknown_class_rows,
)
from reground.annotations.published.vocabulary import Vocabulary, imagenet_id, imagenet_labels, parse_imagenet_id
from reground.tasks.errors import UsageError
from reground.tasks.files import ContentError, Npz
from reground.tasks.schema import arrow_schema
from reground.tasks.votes import ANSWERS, GOLDEN_SET, RATE, REASSESSED
from reground.tasks.workspace import Output, digest

EXPERTS: Final = "golden.npz"
OPTIONAL: Final = ("raters_golden.npz", EXPERTS)
FILES: Final = {"raters.npz": REASSESSED, **dict(zip(OPTIONAL, GOLDEN_SET, strict=True))}
"""File -> the source of its votes."""
CHUNK_SIZE: Final = 16
"""Raters in one shard."""
MAX_RATERS: Final = 1_000
"""In one file; the largest published has 85."""
MAX_PAIRS: Final = 750_000
"""In one file: four times the largest published."""
MAX_INFO_BYTES: Final = MAX_PAIRS * 2 * 28 * 4
"""Of the array of pairs: two texts of 28 characters of 4 bytes."""
MAX_VOTES: Final = 15_000_000
"""In one file: sixteen times the largest published."""


@dataclass(frozen=True)
class _RaterFile:
    """A file of R raters and P pairs.

    Attributes:
        path: of the file.
        source: of the votes.
        rater_source: prefix of the raters' ids: the raters of the trial are those of `REASSESSED`.
        raters: ``(R,)`` their numbers.
        image_ids: ``(P,)`` of each pair.
        labels: ``(P,)`` ImageNet's class index of each pair.
        answers: of each rater, indices of the pairs answered, and indices into `ANSWERS`.
    """

    path: Path
    source: str
    rater_source: str
    raters: npt.NDArray[np.int64]
    image_ids: pa.Array
    labels: npt.NDArray[np.int64]
    answers: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]]


def real_shards(path: Path, vocabulary: Vocabulary) -> Iterator[ImportShard]:
    """The original labels of all validation images, then a shard for every `CHUNK_SIZE` raters.

    Raises:
        UsageError: a file is missing or damaged, or has another vocabulary.
    """
    files = [
        _read_file(path / name, source, vocabulary)
        for name, source in FILES.items()
        if (path / name).exists() or name not in OPTIONAL
    ]
    yield ImportShard("original_labels", digest(*map(str, imagenet_labels())), lambda: _originals(vocabulary))
    for file in files:
        input_digest = digest_files(file.path)
        for start in range(0, len(file.raters), CHUNK_SIZE):
            yield ImportShard(
                f"{file.path.stem}-{start:03d}",
                input_digest,
                lambda file=file, start=start: _build(file, start, vocabulary),
            )


def _originals(vocabulary: Vocabulary) -> Output:
    labels = vocabulary.of_imagenet[imagenet_labels()]
    rows = [original_row(REASSESSED, imagenet_id(number), int(label)) for number, label in enumerate(labels, start=1)]
    return Output({"original_labels": rows})


def _read_file(path: Path, source: str, vocabulary: Vocabulary) -> _RaterFile:
    """Check a whole file, and keep the answers in sparse form."""
    try:
        with Npz(path) as archive:
            info, raters = archive.read("info", MAX_INFO_BYTES), archive.read("ids")
            _check_pairs(info, raters)
            labels = info[:, 1].astype(np.int64)
            answers = list(_rater_answers(archive, len(raters), len(labels)))
    except (OSError, ValueError, OverflowError) as error:  # `ContentError` is a ValueError
        raise UsageError(
            f"{path}: expected raters' answers as an .npz of tensor (raters, pairs, 3), info (pairs, 2) and ids "
            f"(raters), but {error}. Download the file from its publisher again."
        ) from error
    vocabulary.check_labels(labels, str(path))
    image_ids = pa.array([parse_imagenet_id(str(name)) for name in info[:, 0]], pa.string())
    rater_source = source if path.name == EXPERTS else REASSESSED
    return _RaterFile(path, source, rater_source, raters.astype(np.int64), image_ids, labels, answers)


def _check_pairs(info: npt.NDArray[Any], raters: npt.NDArray[Any]) -> None:
    if (
        info.ndim != 2
        or info.shape[1] != 2
        or info.dtype.kind != "U"
        or raters.ndim != 1
        or raters.dtype.kind not in "iu"
    ):
        raise ContentError(f"info is {info.dtype} {info.shape}, ids {raters.dtype} {raters.shape}")
    if len(info) > MAX_PAIRS or len(raters) > MAX_RATERS:
        raise ContentError(
            f"it has {len(info):,} pairs (limit {MAX_PAIRS:,}) and {len(raters):,} raters ({MAX_RATERS:,})"
        )
    if len(np.unique(info, axis=0)) < len(info) or len(np.unique(raters)) < len(raters):
        raise ContentError("it has a pair or a rater twice")


def _sparse(matrix: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Pairs and answers of one rater.

    Args:
        matrix: ``(pairs, 3)``, True for the answer given.
    """
    pairs, answers = np.nonzero(matrix)
    if len(np.unique(pairs)) < len(pairs):
        raise ContentError("a rater gave two answers on one pair")
    return pairs.astype(np.int32), answers.astype(np.int8)


def _rater_answers(
    archive: Npz, num_raters: int, num_pairs: int
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]]:
    """Pairs and answers of each rater in turn."""
    num_votes = 0
    with archive.open("tensor") as tensor:
        header = tensor.header
        if header.shape != (num_raters, num_pairs, len(ANSWERS)) or header.fortran or header.dtype.kind not in "fiub":
            raise ContentError(f"tensor is {header}, for {num_raters} raters and {num_pairs} pairs")
        for _ in range(num_raters):
            matrix = tensor.read(num_pairs * len(ANSWERS)).reshape(num_pairs, len(ANSWERS))
            if not ((matrix == 0) | (matrix == 1)).all():
                raise ContentError("tensor has values other than 0 and 1")
            pairs, answers = _sparse(matrix != 0)
            num_votes += len(pairs)
            if num_votes > MAX_VOTES:
                raise ContentError(f"it has over {MAX_VOTES:,} votes")
            yield pairs, answers


def _build(file: _RaterFile, start: int, vocabulary: Vocabulary) -> Output:
    """The votes of `CHUNK_SIZE` raters."""
    class_idxs = vocabulary.of_imagenet[file.labels]
    unknown_counts = np.zeros(len(vocabulary.wnids), np.int64)
    tables: list[pa.Table] = []
    for rater in range(start, min(start + CHUNK_SIZE, len(file.raters))):
        pairs, answers = file.answers[rater]
        is_known = class_idxs[pairs] >= 0
        unknown_counts += np.bincount(file.labels[pairs[~is_known]], minlength=len(unknown_counts))
        tables.append(_votes(file, int(file.raters[rater]), pairs[is_known], answers[is_known], class_idxs))
    counts = {int(idx): int(unknown_counts[idx]) for idx in np.flatnonzero(unknown_counts)}
    dropped_rows = unknown_class_rows(file.source, vocabulary.wnids, counts)
    return Output({"votes": pa.concat_tables(tables), "dropped": dropped_rows})


def _votes(
    file: _RaterFile,
    rater: int,
    pairs: npt.NDArray[np.int32],
    answers: npt.NDArray[np.int8],
    class_idxs: npt.NDArray[np.int32],
) -> pa.Table:
    count = len(pairs)
    image_ids = file.image_ids.take(pa.array(pairs))
    columns = {
        "round": np.zeros(count, np.int32),
        "question": pa.repeat(RATE, count),
        "image_id": image_ids,
        "class_idx": class_idxs[pairs],
        "annotator_id": pa.repeat(f"{file.rater_source}:{rater}", count),
        "answer": pa.array(ANSWERS).take(pa.array(answers)),
        "main": np.zeros(count, np.bool_),
        "num_objects": pa.nulls(count, pa.int16()),
        "seconds": pa.nulls(count, pa.float32()),
        "at": pa.nulls(count, pa.string()),
        "source": pa.repeat(file.source, count),
        "answer_id": pc.binary_join_element_wise(f"{file.source}:{rater}", image_ids, ":"),  # pyright: ignore[reportAttributeAccessIssue]
    }
    return pa.table(columns, schema=arrow_schema("votes"))
