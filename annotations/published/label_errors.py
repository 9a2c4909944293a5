"""The verdicts of Northcutt et al. 2021, laid out as in cleanlab/label-errors.

``mturk/imagenet_mturk.json``: five people saw each flagged image with two labels, the given and a predicted one,
and said which is valid: either, both or neither. Only the counts are published. ``original_test_labels`` with
``dataset_indexing`` has the original label of all 50,000 images.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.annotations.published.rows import (
    ImportShard,
    RowBuilder,
    anonymous_id,
    digest_files,
    read_file,
)
from reground.annotations.published.vocabulary import Vocabulary, parse_imagenet_id
from reground.tasks.errors import UsageError
from reground.tasks.schema import ImageId
from reground.tasks.votes import COMPARE

SOURCE: Final = "label-errors"
VERDICTS: Final = {"given": ("yes", "no"), "guessed": ("no", "yes"), "both": ("yes", "yes"), "neither": ("no", "no")}
"""Verdict -> its answers on the given and on the predicted label."""
VERDICT_FILE, INDEX_FILE, LABEL_FILE = (
    "mturk/imagenet_mturk.json",
    "dataset_indexing/imagenet_val_set_index_to_filepath.json",
    "original_test_labels/imagenet_val_set_original_labels.npy",
)


@dataclass(frozen=True)
class _Comparison:
    """The verdicts on one image.

    Attributes:
        image_id: of the image.
        labels: ImageNet's class index of the given and of the predicted label.
        verdicts: verdict -> number of people.
    """

    image_id: ImageId
    labels: tuple[int, int]
    verdicts: Mapping[str, int]


def label_errors_shards(path: Path, vocabulary: Vocabulary) -> Iterator[ImportShard]:
    """One shard.

    Raises:
        UsageError: a file is missing or malformed, or has another vocabulary.
    """
    verdict_path = path / VERDICT_FILE
    comparisons = [_parse_entry(entry, number, verdict_path) for number, entry in enumerate(_read_json(verdict_path))]
    labels = np.array([label for comparison in comparisons for label in comparison.labels], np.int64)
    vocabulary.check_labels(labels, str(verdict_path))
    originals = _read_originals(path, vocabulary)
    input_digest = digest_files(*(path / name for name in (VERDICT_FILE, INDEX_FILE, LABEL_FILE)))
    yield ImportShard("all", input_digest, lambda: _build(comparisons, originals, vocabulary).output())


def _parse_entry(entry: Any, number: int, path: Path) -> _Comparison:
    try:
        labels = int(entry["given_original_label"]), int(entry["our_guessed_label"])
        verdicts = {name: int(entry["mturk"][name]) for name in VERDICTS}
        image_id = parse_imagenet_id(str(entry["url"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path}: expected entry {number} to hold url, given_original_label, our_guessed_label and mturk with "
            f"{', '.join(VERDICTS)}, but {type(error).__name__}: {error}"
        ) from error
    if labels[0] == labels[1] or min(verdicts.values()) < 0:
        raise UsageError(f"{path}: entry {number} compares class {labels[0]} with {labels[1]} by counts {verdicts}")
    return _Comparison(image_id, labels, verdicts)


def _read_originals(path: Path, vocabulary: Vocabulary) -> list[tuple[ImageId, int]]:
    """(image_id, ImageNet's class index of its original label) of every image."""
    files = _read_json(path / INDEX_FILE)
    labels = _read_labels(path / LABEL_FILE)
    if len(files) != len(labels):
        raise UsageError(f"{path}: {INDEX_FILE} lists {len(files)} images, {LABEL_FILE} {len(labels)} labels")
    vocabulary.check_labels(labels, str(path / LABEL_FILE))
    wnids = [(int(label), PurePosixPath(str(file)).parent.name) for label, file in zip(labels, files, strict=True)]
    vocabulary.check_wnids(wnids, str(path / INDEX_FILE))
    return [(parse_imagenet_id(str(file)), int(label)) for label, file in zip(labels, files, strict=True)]


def _read_labels(path: Path) -> npt.NDArray[np.int64]:
    try:
        labels = np.load(io.BytesIO(read_file(path)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UsageError(f"{path}: expected integers saved by numpy, but it cannot be read: {error}") from error
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UsageError(f"{path}: expected a one-dimensional array of integers, found {labels.dtype} {labels.shape}")
    return labels.astype(np.int64)


def _read_json(path: Path) -> list[Any]:
    try:
        content = json.loads(read_file(path))
    except ValueError as error:
        raise UsageError(f"{path}: expected JSON, but it cannot be read: {error}") from error
    if not isinstance(content, list):
        raise UsageError(f"{path}: expected a list, found {type(content).__name__}")
    return content


def _build(
    comparisons: Sequence[_Comparison], originals: Sequence[tuple[ImageId, int]], vocabulary: Vocabulary
) -> RowBuilder:
    builder = RowBuilder(SOURCE, vocabulary.wnids)
    for image_id, label in originals:
        builder.add_original(image_id, int(vocabulary.of_imagenet[label]))
    for comparison in comparisons:
        image_id = comparison.image_id
        verdicts = [name for name, count in comparison.verdicts.items() for _ in range(count)]
        for person, verdict in enumerate(verdicts, start=1):
            for label, answer in zip(comparison.labels, VERDICTS[verdict], strict=True):
                if vocabulary.of_imagenet[label] < 0:
                    builder.unknown_classes[label] += 1
                    continue
                builder.add_vote(
                    question=COMPARE,
                    image_id=image_id,
                    class_idx=int(vocabulary.of_imagenet[label]),
                    annotator_id=anonymous_id(SOURCE, f"{image_id}-{person}"),
                    answer=answer,
                    answer_id=f"{SOURCE}:{image_id}:{person}",
                )
    return builder
