"""The votes of Beyer et al. 2020 (ReaL), as google-research/reassessed-imagenet lays them out.

``raters.npz`` holds every vote: ``tensor`` (raters, pairs, answers no / maybe / yes), ``info`` (pairs:
image, label) and ``ids`` (raters). ``raters_golden.npz`` and ``golden.npz`` have the same layout: what
most of the same raters, and five experts, said of a golden set; both under sources of their own.
Whole, the tensor fills 377 MB: it is read rater by rater.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reground.annotations.published.rows import (
    Piece,
    Vocabulary,
    image_id_of,
    imagenet_id,
    imagenet_originals,
    lacking,
    original,
    stamp,
)
from reground.tasks.errors import UsageError
from reground.tasks.schema import arrow_schema
from reground.tasks.votes import ANSWERS, GOLDEN_SET, RATE, REASSESSED
from reground.tasks.workspace import Output, digest

EXPERTS: Final = "golden.npz"
OPTIONAL: Final = ("raters_golden.npz", EXPERTS)
FILES: Final = {"raters.npz": REASSESSED, **dict(zip(OPTIONAL, GOLDEN_SET, strict=True))}
"""File -> the source of its votes."""
AT_ONCE: Final = 16
"""Raters in one piece."""


@dataclass(frozen=True)
class _Votes:
    """One of the files.

    Attributes:
        people: source of the raters' names: the raters of the trial are those of `REASSESSED`.
        raters: their numbers.
        image_ids: of each pair.
        labels: of each pair, ImageNet's index.
        answered: of each rater, the pairs answered and the answers.
    """

    path: Path
    source: str
    people: str
    raters: npt.NDArray[np.int64]
    image_ids: pa.Array
    labels: npt.NDArray[np.int64]
    answered: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]]


def pieces(path: Path, vocabulary: Vocabulary) -> Iterator[Piece]:
    """The original labels of all validation images, then a piece for every few raters.

    Raises:
        UsageError: a file is missing or damaged, or speaks of another vocabulary.
    """
    files = [_open(path / name, source, vocabulary) for name, source in FILES.items() if _wanted(path / name)]
    yield Piece("originals", digest(*map(str, imagenet_originals())), lambda: _originals(vocabulary))
    for held in files:
        made_from = stamp(held.path)
        for first in range(0, len(held.raters), AT_ONCE):
            yield Piece(
                f"{held.path.stem}-{first:03d}",
                made_from,
                lambda held=held, first=first: _make(held, first, vocabulary),
            )


def _wanted(path: Path) -> bool:
    return path.exists() or path.name not in OPTIONAL


def _originals(vocabulary: Vocabulary) -> Output:
    labels = vocabulary.of_imagenet[imagenet_originals()]
    rows = [original(REASSESSED, imagenet_id(number), int(label)) for number, label in enumerate(labels, start=1)]
    return Output({"originals": rows})


def _open(path: Path, source: str, vocabulary: Vocabulary) -> _Votes:
    """Check a whole file, keeping all but the answers."""
    try:
        with zipfile.ZipFile(path) as archive:
            info, raters = _array(archive, "info"), _array(archive, "ids")
            if info.ndim != 2 or info.shape[1] != 2 or info.dtype.kind != "U" or raters.dtype.kind not in "iu":
                raise ValueError(f"info is {info.dtype} {info.shape}, ids {raters.dtype} {raters.shape}")
            labels = info[:, 1].astype(np.int64)
            answered = [_answered(chosen) for chosen in _by_rater(archive, len(raters), len(labels))]
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as error:
        raise UsageError(
            f"{path}: expected raters' answers as an .npz of tensor (raters, pairs, 3), info (pairs, 2) and ids "
            f"(raters), but {type(error).__name__}: {error}. Take the file from its publisher again."
        ) from error
    vocabulary.check(labels, str(path))
    image_ids = pa.array([image_id_of(str(name)) for name in info[:, 0]], pa.string())
    return _Votes(
        path,
        source,
        REASSESSED if path.name != EXPERTS else source,
        raters.astype(np.int64),
        image_ids,
        labels,
        answered,
    )


def _answered(chosen: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    pairs, answers = np.nonzero(chosen)
    if len(np.unique(pairs)) < len(pairs):
        raise ValueError("a rater gave two answers on one pair")
    return pairs.astype(np.int32), answers.astype(np.int8)


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    return np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)


def _by_rater(archive: zipfile.ZipFile, raters: int, pairs: int) -> Iterator[npt.NDArray[np.bool_]]:
    """``(pairs, 3) bool`` of each rater in turn."""
    with archive.open("tensor.npy") as stream:
        shape, fortran, dtype = _header(stream)
        if shape != (raters, pairs, len(ANSWERS)) or fortran or dtype.kind not in "fiub":
            raise ValueError(f"tensor is {dtype} {shape}, for {raters} raters and {pairs} pairs")
        size = pairs * len(ANSWERS) * dtype.itemsize
        for _ in range(raters):
            block = stream.read(size)
            if len(block) != size:
                raise EOFError("tensor ends early")
            values = np.frombuffer(block, dtype).reshape(pairs, len(ANSWERS))
            if not ((values == 0) | (values == 1)).all():
                raise ValueError("tensor holds something else than 0 and 1")
            yield values != 0


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _make(held: _Votes, first: int, vocabulary: Vocabulary) -> Output:
    """The votes of `AT_ONCE` raters."""
    class_of = vocabulary.of_imagenet[held.labels]
    absent = np.zeros(len(vocabulary.wnids), np.int64)
    tables: list[pa.Table] = []
    for rater in range(first, min(first + AT_ONCE, len(held.raters))):
        pairs, answers = held.answered[rater]
        known = class_of[pairs] >= 0
        absent += np.bincount(held.labels[pairs[~known]], minlength=len(absent))
        tables.append(_table(held, int(held.raters[rater]), pairs[known], answers[known], class_of))
    counts = {int(idx): int(absent[idx]) for idx in np.flatnonzero(absent)}
    return Output({"votes": pa.concat_tables(tables), "dropped": lacking(held.source, vocabulary.wnids, counts)})


def _table(
    held: _Votes, rater: int, pairs: npt.NDArray[Any], answers: npt.NDArray[Any], class_of: npt.NDArray[Any]
) -> pa.Table:
    count = len(pairs)
    image_ids = held.image_ids.take(pa.array(pairs))
    made = {
        "round": np.zeros(count, np.int32),
        "question": pa.repeat(RATE, count),
        "image_id": image_ids,
        "class_idx": class_of[pairs],
        "annotator_id": pa.repeat(f"{held.people}:{rater}", count),
        "answer": pa.array(ANSWERS).take(pa.array(answers)),
        "main": np.zeros(count, np.bool_),
        "num_objects": pa.nulls(count, pa.int16()),
        "seconds": pa.nulls(count, pa.float32()),
        "at": pa.nulls(count, pa.string()),
        "source": pa.repeat(held.source, count),
        "answer_id": pc.binary_join_element_wise(f"{held.source}:{rater}", image_ids, ":"),  # pyright: ignore[reportAttributeAccessIssue]
    }
    return pa.table(made, schema=arrow_schema("votes"))
