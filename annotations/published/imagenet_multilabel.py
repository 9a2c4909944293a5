"""The votes of Tsipras et al. 2020, laid out as in MadryLab/ImageNetMultiLabel.

``data/annotations_classify_task.pkl`` has a row for each image: the labels that each worker marked as valid, and
the main one. It does not record which labels were shown; those that anybody marked certainly were, and so was the
original label. A worker who did not mark one of these answered no. ``data/image_info.pkl`` has the routing after
CONTAINS, whose votes were never published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from reground.annotations.published.rows import ImportShard, RowBuilder, anonymous_id, digest_files
from reground.annotations.published.safe_pickle import read_frame, read_npy_object
from reground.annotations.published.vocabulary import Vocabulary, parse_imagenet_id
from reground.tasks.errors import UsageError
from reground.tasks.files import preview
from reground.tasks.schema import DropReason, ImageId
from reground.tasks.votes import CLASSIFY, ContradictionError, check_answer

SOURCE: Final = "imagenet-multilabel"
ROUTINGS: Final = {"fu": "several", "easy": "easy", "amb": "too_few_workers", "mis": "never_selected"}
"""Published code -> routing in ``truth``."""
MAX_WORKERS: Final = 100
"""On one image; at most 9 answered in the published file."""
MAX_VOTES: Final = 3_000_000
"""That one file may give: 35 times the published. Each worker answers on every label of the image."""
ANSWER_FILE, INFO_FILE, WNID_FILE = "annotations_classify_task.pkl", "image_info.pkl", "imagenet_label_to_wnid.npy"


@dataclass(frozen=True)
class _ClassifyAnswers:
    """The published answers on one image; labels are ImageNet's class indices.

    Attributes:
        image_id: of the image.
        original: its original label.
        main: main label by each worker.
        valid: valid labels by each worker.
    """

    image_id: ImageId
    original: int
    main: Sequence[int]
    valid: Sequence[Sequence[int]]


def multilabel_shards(path: Path, vocabulary: Vocabulary) -> Iterator[ImportShard]:
    """One shard.

    Raises:
        RegroundError: a file is missing or damaged, wants to run code, or has another vocabulary.
    """
    folder = path / "data"
    _check_vocabulary(folder / WNID_FILE, vocabulary)
    answers = list(_read_answers(folder / ANSWER_FILE, vocabulary))
    routings = dict(_read_routings(folder / INFO_FILE))
    input_digest = digest_files(folder / ANSWER_FILE, folder / INFO_FILE)
    yield ImportShard("all", input_digest, lambda: _build(answers, routings, vocabulary).output())


def _check_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    wnids = read_npy_object(path)
    if not isinstance(wnids, dict):
        raise UsageError(f"{path}: expected a mapping from class index to WordNet id, found {type(wnids).__name__}")
    if not all(type(idx) is int and isinstance(wnid, str) for idx, wnid in wnids.items()):
        raise UsageError(f"{path}: expected class indices as keys and WordNet ids as values, found {preview(wnids)}")
    vocabulary.check_wnids(list(wnids.items()), str(path))


def _read_answers(path: Path, vocabulary: Vocabulary) -> Iterator[_ClassifyAnswers]:
    frame = read_frame(path, ("main", "selected", "imagenet_label"))
    columns = (frame.columns[name] for name in ("imagenet_label", "main", "selected"))
    names: set[ImageId] = set()
    num_votes = 0
    for name, original, main, selected in zip(frame.index, *columns, strict=True):
        image_id = parse_imagenet_id(str(name))
        if image_id in names:
            raise UsageError(f"{path}: expected each image once, found {name} twice")
        names.add(image_id)
        answers = _parse_answers(image_id, original, main, selected, f"{path}, {name}")
        labels = [answers.original, *answers.main, *(label for labels in answers.valid for label in labels)]
        vocabulary.check_labels(np.array(labels, object), f"{path}, {name}")
        num_votes += len(answers.valid) * len(set(labels))
        if len(answers.valid) > MAX_WORKERS or num_votes > MAX_VOTES:
            raise UsageError(
                f"{path}, {name}: expected answers of at most {MAX_WORKERS} workers on an image and {MAX_VOTES:,} "
                f"votes in all, found {len(answers.valid):,} and {num_votes:,} so far. Download the file from its "
                "publisher again."
            )
        yield answers


def _parse_answers(image_id: ImageId, original: Any, main: Any, selected: Any, location: str) -> _ClassifyAnswers:
    is_row = isinstance(main, list) and isinstance(selected, list) and all(isinstance(one, list) for one in selected)
    labels = [original, *main, *(label for one in selected for label in one)] if is_row else []
    kinds = sorted({type(label).__name__ for label in labels if type(label) is not int})
    if not is_row or kinds:
        raise UsageError(
            f"{location}: expected class indices: one in imagenet_label, a list of them in main and a list of lists in "
            f"selected, found {', '.join(kinds) or f'{preview(main)} in main and {preview(selected)} in selected'}"
        )
    return _ClassifyAnswers(image_id, original, main, selected)


def _read_routings(path: Path) -> Iterator[tuple[ImageId, str]]:
    frame = read_frame(path, ("annotation",))
    for name, code in zip(frame.index, frame.columns["annotation"], strict=True):
        if not isinstance(code, str) or code not in ROUTINGS:
            raise UsageError(
                f"{path}: expected each image's annotation to be one of {', '.join(ROUTINGS)}, found {preview(code)}"
            )
        yield parse_imagenet_id(str(name)), ROUTINGS[code]


def _build(answers: Sequence[_ClassifyAnswers], routings: dict[ImageId, str], vocabulary: Vocabulary) -> RowBuilder:
    builder = RowBuilder(SOURCE, vocabulary.wnids)
    originals = {row.image_id: row.original for row in answers}
    for image_id, routing in routings.items():
        builder.add_original(image_id, _class_idx(originals.get(image_id), vocabulary), routing)
    for row in answers:
        if row.image_id not in routings:
            builder.add_original(row.image_id, _class_idx(row.original, vocabulary))
        _add_votes(builder, row, vocabulary)
    return builder


def _class_idx(label: int | None, vocabulary: Vocabulary) -> int | None:
    return None if label is None else int(vocabulary.of_imagenet[label])


def _add_votes(builder: RowBuilder, answers: _ClassifyAnswers, vocabulary: Vocabulary) -> None:
    image_id, num_workers = answers.image_id, len(answers.main)
    valid_labels = [list(dict.fromkeys(labels)) for labels in answers.valid]
    options = sorted({answers.original, *(label for labels in valid_labels for label in labels)})
    if num_workers != len(valid_labels):
        detail = f"{num_workers} main labels, but {len(valid_labels)} lists of valid ones"
        builder.drop(f"{SOURCE}:{image_id}", DropReason.ANSWER_INVALID, detail)
        return
    classes = {label: int(vocabulary.of_imagenet[label]) for label in options}
    for worker, (main, labels) in enumerate(zip(answers.main, valid_labels, strict=True), start=1):
        answer_id = f"{SOURCE}:{image_id}:{worker:02d}"
        annotator_id = anonymous_id(SOURCE, f"{image_id}-{worker:02d}")
        try:
            check_answer(valid=labels, main=[main])
        except ContradictionError as error:
            builder.drop(answer_id, DropReason.ANSWER_INVALID, str(error))
            continue
        for label, class_idx in classes.items():
            if class_idx < 0:
                builder.unknown_classes[label] += 1
                continue
            builder.add_vote(
                question=CLASSIFY,
                image_id=image_id,
                class_idx=class_idx,
                annotator_id=annotator_id,
                answer="yes" if label in labels else "no",
                main=label == main,
                num_objects=len(labels),
                answer_id=answer_id,
            )
