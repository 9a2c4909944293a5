"""The votes of Tsipras et al. 2020, as MadryLab/ImageNetMultiLabel lays them out.

``data/annotations_classify_task.pkl`` holds a row an image: for each worker the labels marked as
valid and the main one. Which labels were shown is not in it: those that anybody marked surely were,
and the original label always was; a worker who did not mark one of these said no to it.
``data/image_info.pkl`` holds the routing after CONTAINS, whose votes were never released.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from reground.annotations.published.rows import Gathered, Piece, Vocabulary, anonymous, image_id_of, stamp
from reground.annotations.published.safe_pickle import read_frame, read_npy_object
from reground.tasks.errors import UsageError
from reground.tasks.schema import DropReason

SOURCE: Final = "imagenet-multilabel"
ROUTINGS: Final = {"fu": "several", "easy": "easy", "amb": "too_few_workers", "mis": "never_selected"}
"""Their code -> ours."""
ANSWER_FILE, INFO_FILE, WNID_FILE = "annotations_classify_task.pkl", "image_info.pkl", "imagenet_label_to_wnid.npy"


def pieces(path: Path, vocabulary: Vocabulary) -> Iterator[Piece]:
    """One piece.

    Raises:
        RegroundError: a file is missing or damaged, wants to run code, or speaks of another vocabulary.
    """
    data = path / "data"
    _check_vocabulary(data / WNID_FILE, vocabulary)
    rows = list(_rows(data / ANSWER_FILE))
    routings = dict(_routings(data / INFO_FILE))
    yield Piece("all", stamp(data / ANSWER_FILE, data / INFO_FILE), lambda: _make(rows, routings, vocabulary).output())


def _check_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    wnids = read_npy_object(path)
    if not isinstance(wnids, dict):
        raise UsageError(f"{path}: expected a mapping from class index to WordNet id, found {type(wnids).__name__}")
    vocabulary.check_wnids([(int(idx), str(wnid)) for idx, wnid in wnids.items()], str(path))


def _rows(path: Path) -> Iterator[tuple[str, int, Sequence[Any], Sequence[Any]]]:
    """(image_id, original label, main label of each worker, valid labels of each worker)."""
    frame = read_frame(path, ("main", "selected", "imagenet_label"))
    held = (frame.columns[name] for name in ("imagenet_label", "main", "selected"))
    for name, original, main, selected in zip(frame.index, *held, strict=True):
        yield image_id_of(str(name)), int(original), list(main), list(selected)


def _routings(path: Path) -> Iterator[tuple[str, str]]:
    frame = read_frame(path, ("annotation",))
    for name, code in zip(frame.index, frame.columns["annotation"], strict=True):
        if code not in ROUTINGS:
            raise UsageError(
                f"{path}: expected each image's annotation to be one of {', '.join(ROUTINGS)}, found {code!r}"
            )
        yield image_id_of(str(name)), ROUTINGS[code]


def _make(rows: Sequence[Any], routings: dict[str, str], vocabulary: Vocabulary) -> Gathered:
    made = Gathered(SOURCE, vocabulary.wnids)
    known = {image_id: original for image_id, original, _, _ in rows}
    for image_id, routing in routings.items():
        made.original(image_id, _class(known.get(image_id), vocabulary), routing)
    for image_id, original, main, selected in rows:
        if image_id not in routings:
            made.original(image_id, _class(original, vocabulary))
        _votes(made, image_id, original, main, selected, vocabulary)
    return made


def _class(idx: int | None, vocabulary: Vocabulary) -> int | None:
    return None if idx is None else int(vocabulary.of_imagenet[idx])


def _votes(
    made: Gathered, image_id: str, original: int, main: Sequence[Any], selected: Sequence[Any], vocabulary: Vocabulary
) -> None:
    valid = [list(dict.fromkeys(int(label) for label in labels)) for labels in selected]
    shown = sorted({original, *(label for labels in valid for label in labels)})
    for worker, (first, labels) in enumerate(zip(main, valid, strict=False), start=1):
        answer_id = f"{SOURCE}:{image_id}:{worker:02d}"
        if int(first) not in labels or len(main) != len(valid):
            made.drop(answer_id, DropReason.ANSWER_INVALID, f"main label {first} is not among the valid ones {labels}")
            continue
        for label in shown:
            if vocabulary.of_imagenet[label] < 0:
                made.lacking[label] += 1
                continue
            made.vote(
                question="classify",
                image_id=image_id,
                class_idx=int(vocabulary.of_imagenet[label]),
                annotator_id=anonymous(SOURCE, f"{image_id}-{worker:02d}"),
                answer="yes" if label in labels else "no",
                main=label == int(first),
                num_objects=len(labels),
                answer_id=answer_id,
            )
