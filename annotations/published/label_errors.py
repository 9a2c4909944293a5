"""The verdicts of Northcutt et al. 2021, as cleanlab/label-errors lays them out.

``mturk/imagenet_mturk.json``: five people saw each flagged image with two labels, the given and a
guessed one, and said which holds: either, both or neither. Only the counts are known.
``original_test_labels`` with ``dataset_indexing`` gives the original label of all 50,000 images.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from reground.annotations.published.rows import (
    Gathered,
    Piece,
    Vocabulary,
    anonymous,
    image_id_of,
    read,
    stamp,
)
from reground.tasks.errors import UsageError
from reground.tasks.votes import COMPARE

SOURCE: Final = "label-errors"
VERDICTS: Final = {"given": ("yes", "no"), "guessed": ("no", "yes"), "both": ("yes", "yes"), "neither": ("no", "no")}
"""Verdict -> the answers it gives on the given and on the guessed label."""
VERDICT_FILE, INDEX_FILE, LABEL_FILE = (
    "mturk/imagenet_mturk.json",
    "dataset_indexing/imagenet_val_set_index_to_filepath.json",
    "original_test_labels/imagenet_val_set_original_labels.npy",
)

Entry = tuple[str, tuple[int, int], Mapping[str, int]]
"""(image_id, given and guessed label, verdict -> people)."""


def pieces(path: Path, vocabulary: Vocabulary) -> Iterator[Piece]:
    """One piece.

    Raises:
        UsageError: a file is missing or malformed, or speaks of another vocabulary.
    """
    entries = [_entry(raw, n, path / VERDICT_FILE) for n, raw in enumerate(_json(path / VERDICT_FILE))]
    labels = np.array([label for _, pair, _ in entries for label in pair], np.int64)
    vocabulary.check(labels, str(path / VERDICT_FILE))
    originals = _originals(path, vocabulary)
    made_from = stamp(*(path / name for name in (VERDICT_FILE, INDEX_FILE, LABEL_FILE)))
    yield Piece("all", made_from, lambda: _make(entries, originals, vocabulary).output())


def _entry(raw: Any, number: int, path: Path) -> Entry:
    try:
        given, guessed = int(raw["given_original_label"]), int(raw["our_guessed_label"])
        verdicts = {name: int(raw["mturk"][name]) for name in VERDICTS}
        image_id = image_id_of(str(raw["url"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path}: expected entry {number} to hold url, given_original_label, our_guessed_label and mturk with "
            f"{', '.join(VERDICTS)}, but {type(error).__name__}: {error}"
        ) from error
    if given == guessed or min(verdicts.values()) < 0:
        raise UsageError(f"{path}: entry {number} compares class {given} with {guessed} by counts {verdicts}")
    return image_id, (given, guessed), verdicts


def _originals(path: Path, vocabulary: Vocabulary) -> list[tuple[str, int]]:
    """(image_id, ImageNet's index of its original label) of every image."""
    files = _json(path / INDEX_FILE)
    labels = _labels(path / LABEL_FILE)
    if len(files) != len(labels):
        raise UsageError(f"{path}: {INDEX_FILE} lists {len(files)} images, {LABEL_FILE} {len(labels)} labels")
    vocabulary.check(labels, str(path / LABEL_FILE))
    wnids = [(int(label), PurePosixPath(str(file)).parent.name) for label, file in zip(labels, files, strict=True)]
    vocabulary.check_wnids(wnids, str(path / INDEX_FILE))
    return [(image_id_of(str(file)), int(label)) for label, file in zip(labels, files, strict=True)]


def _labels(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        labels = np.load(io.BytesIO(read(path)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UsageError(f"{path}: expected whole numbers saved by numpy, but it cannot be read: {error}") from error
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UsageError(f"{path}: expected a list of whole numbers, found {labels.dtype} {labels.shape}")
    return labels.astype(np.int64)


def _json(path: Path) -> list[Any]:
    try:
        held = json.loads(read(path))
    except ValueError as error:
        raise UsageError(f"{path}: expected JSON, but it cannot be read: {error}") from error
    if not isinstance(held, list):
        raise UsageError(f"{path}: expected a list, found {type(held).__name__}")
    return held


def _make(entries: Sequence[Entry], originals: Sequence[tuple[str, int]], vocabulary: Vocabulary) -> Gathered:
    made = Gathered(SOURCE, vocabulary.wnids)
    for image_id, label in originals:
        made.original(image_id, int(vocabulary.of_imagenet[label]))
    for image_id, labels, verdicts in entries:
        people = [name for name, count in verdicts.items() for _ in range(count)]
        for person, verdict in enumerate(people, start=1):
            for label, answer in zip(labels, VERDICTS[verdict], strict=True):
                if vocabulary.of_imagenet[label] < 0:
                    made.lacking[label] += 1
                    continue
                made.vote(
                    question=COMPARE,
                    image_id=image_id,
                    class_idx=int(vocabulary.of_imagenet[label]),
                    annotator_id=anonymous(SOURCE, f"{image_id}-{person}"),
                    answer=answer,
                    answer_id=f"{SOURCE}:{image_id}:{person}",
                )
    return made
