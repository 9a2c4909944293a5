"""The verdicts of Northcutt et al. 2021, laid out as in cleanlab/label-errors.

``mturk/imagenet_mturk.json``: five people saw each flagged image with two labels, the given and a predicted one,
and said which is valid: either, both or neither. Only the counts are published. ``original_test_labels`` with
``dataset_indexing`` has the original label of all 50,000 images.
"""

from __future__ import annotations

from collections import Counter
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
)
from reground.annotations.published.vocabulary import Vocabulary, parse_imagenet_id
from reground.tasks.errors import UsageError
from reground.tasks.files import ContentError, preview, read_json, read_npy
from reground.tasks.schema import ImageId
from reground.tasks.votes import COMPARE

SOURCE: Final = "label-errors"
VERDICTS: Final = {"given": ("yes", "no"), "guessed": ("no", "yes"), "both": ("yes", "yes"), "neither": ("no", "no")}
"""Verdict -> its answers on the given and on the predicted label."""
MAX_PEOPLE: Final = 50
"""Who compare the labels of one image; five did in the published file."""
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
    comparisons = [_parse_entry(entry, number, verdict_path) for number, entry in enumerate(_read_list(verdict_path))]
    _check_unique(comparisons, verdict_path)
    labels = np.array([label for comparison in comparisons for label in comparison.labels], object)
    vocabulary.check_labels(labels, str(verdict_path))
    originals = _read_originals(path, vocabulary)
    input_digest = digest_files(*(path / name for name in (VERDICT_FILE, INDEX_FILE, LABEL_FILE)))
    yield ImportShard("all", input_digest, lambda: _build(comparisons, originals, vocabulary).output())


def _parse_entry(entry: Any, number: int, path: Path) -> _Comparison:
    try:
        labels = entry["given_original_label"], entry["our_guessed_label"]
        verdicts = {name: entry["mturk"][name] for name in VERDICTS}
        url = entry["url"]
    except (KeyError, TypeError) as error:
        raise _malformed(path, number, f"{type(error).__name__}: {error}") from error
    if not isinstance(url, str) or not all(type(value) is int for value in (*labels, *verdicts.values())):
        raise _malformed(path, number, preview({"url": url, "labels": labels, "mturk": verdicts}))
    if labels[0] == labels[1] or min(verdicts.values()) < 0 or sum(verdicts.values()) > MAX_PEOPLE:
        raise UsageError(
            f"{path}: expected entry {number} to compare two classes by the counts of up to {MAX_PEOPLE} people, found "
            f"class {preview(labels[0])} and {preview(labels[1])} with {preview(verdicts)}"
        )
    return _Comparison(parse_imagenet_id(url), labels, verdicts)


def _malformed(path: Path, number: int, detail: str) -> UsageError:
    return UsageError(
        f"{path}: expected entry {number} to hold url, given_original_label, our_guessed_label and mturk with "
        f"{', '.join(VERDICTS)}, as text and whole numbers, but found {detail}"
    )


def _check_unique(comparisons: Sequence[_Comparison], path: Path) -> None:
    """Check that each image has one entry: the people who answered are numbered by image."""
    image_id, count = Counter(comparison.image_id for comparison in comparisons).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{path}: expected one entry for each image, found {count:,} for {image_id}")


def _read_originals(path: Path, vocabulary: Vocabulary) -> list[tuple[ImageId, int]]:
    """(image_id, ImageNet's class index of its original label) of every image."""
    files = _read_list(path / INDEX_FILE)
    labels = _read_labels(path / LABEL_FILE)
    if len(files) != len(labels):
        raise UsageError(f"{path}: {INDEX_FILE} lists {len(files)} images, {LABEL_FILE} {len(labels)} labels")
    vocabulary.check_labels(labels, str(path / LABEL_FILE))
    wnids = [(int(label), PurePosixPath(str(file)).parent.name) for label, file in zip(labels, files, strict=True)]
    vocabulary.check_wnids(wnids, str(path / INDEX_FILE))
    return [(parse_imagenet_id(str(file)), int(label)) for label, file in zip(labels, files, strict=True)]


def _read_labels(path: Path) -> npt.NDArray[Any]:
    try:
        labels = read_npy(path)
    except (OSError, ContentError) as error:
        raise UsageError(f"{path}: expected integers saved by numpy, but it cannot be read: {error}") from error
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UsageError(f"{path}: expected a one-dimensional array of integers, found {labels.dtype} {labels.shape}")
    return labels


def _read_list(path: Path) -> list[Any]:
    try:
        content = read_json(path)
    except (OSError, ContentError) as error:
        raise UsageError(f"{path}: expected JSON, but it cannot be read: {error}") from error
    if not isinstance(content, list) or not content:
        raise UsageError(f"{path}: expected a list with entries, found {preview(content)}")
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
