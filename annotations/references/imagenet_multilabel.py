"""Label sets as Tsipras et al. 2020 publish them, laid out as in MadryLab/ImageNetMultiLabel.

``annotations_classify_task.pkl`` has the labels of each object in an image that people classified; the confidence of
a label is the share of workers who selected it. ``image_info.pkl`` beside it names the images that were easy: people
confirmed their original label and no other, so that it is their one label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from reground.annotations.published import imagenet_labels, parse_imagenet_id, read_frame
from reground.annotations.references.entries import Entry, Fault, Numbers, PublishedLabels
from reground.tasks.errors import UsageError
from reground.tasks.files import preview

ANSWER_FILE, INFO_FILE = "annotations_classify_task.pkl", "image_info.pkl"
EASY: Final = "easy"


def read_multilabel(path: Path) -> PublishedLabels:
    """The label sets in a folder, or beside the file of answers.

    Args:
        path: of the repository, of its folder ``data`` or of `ANSWER_FILE` itself.

    Raises:
        RegroundError: a file is missing or damaged, or wants to run code.
    """
    file = answer_file(path)
    frame = read_frame(file, ("objects",))
    sets = [
        (parse_imagenet_id(str(name)), _labels(objects, f"{file}, {name}"))
        for name, objects in zip(frame.index, frame.columns["objects"], strict=True)
    ]
    info = file.with_name(INFO_FILE)
    easy = list(_easy_images(info)) if info.is_file() else []

    def entries(report: Callable[[Fault], None]) -> Iterator[Entry]:
        originals = imagenet_labels()
        for image_id, labels in sets:
            for label, confidence in labels.items():
                yield Entry(image_id, image_id, str(label), confidence)
            if not labels:
                yield Entry(image_id, image_id, None)
        for image_id in easy:
            yield Entry(image_id, image_id, str(originals[int(image_id[-8:]) - 1]))

    return PublishedLabels(entries, Numbers.IMAGENET, [file, info] if info.is_file() else [file])


def answer_file(path: Path) -> Path:
    """The file of answers that a path leads to."""
    folders = [path, path / "data"] if path.is_dir() else []
    return next((folder / ANSWER_FILE for folder in folders if (folder / ANSWER_FILE).is_file()), path)


def _labels(objects: Any, location: str) -> dict[int, float]:
    """Label -> share of the workers who selected it."""
    try:
        return {_index(label): _share(of_workers) for labels in objects for label, (_, of_workers) in labels.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{location}: expected objects as mappings from a class index to two shares, found {preview(objects)}: "
            f"{error}"
        ) from error


def _index(value: Any) -> int:
    if type(value) is not int:  # a truth value is an index of Python's, and no class
        raise TypeError(f"{preview(value)} is no class index")
    return value


def _share(value: Any) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise ValueError(f"{share} is no share")
    return share


def _easy_images(path: Path) -> Iterator[str]:
    frame = read_frame(path, ("annotation",))
    for name, code in zip(frame.index, frame.columns["annotation"], strict=True):
        if code == EASY:
            yield parse_imagenet_id(str(name))
