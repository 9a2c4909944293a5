"""Label sets as Beyer et al. 2020 publish them: ``real.json``.

A list over ImageNet's 50,000 validation images, in their order, of lists of ImageNet's class indices; an image whose
list is empty has no label that holds. `reground export --format real` writes an object from image_id to labels where
images or classes are not ImageNet's: its numbers are those of ``classes.json`` beside it, or of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reground.annotations.published import IMAGENET_SIZE, imagenet_id
from reground.annotations.references.document import read_document
from reground.annotations.references.entries import Entry, Fault, Numbers, PublishedLabels
from reground.tasks.errors import UsageError
from reground.tasks.files import preview

CLASSES_FILE: Final = "classes.json"


def read_label_lists(path: Path, document: Any) -> PublishedLabels:
    """The label sets of a JSON document.

    Args:
        path: of the file, for messages and for the classes beside it.
        document: its content.

    Raises:
        UsageError: it has another layout; the message says where.
    """
    if isinstance(document, list):
        if len(document) != IMAGENET_SIZE:
            raise UsageError(
                f"{path}: expected labels of ImageNet's {IMAGENET_SIZE:,} validation images in their order, found a "
                f"list of {len(document):,}. For other images give an object from image_id to its labels, or a table."
            )
        sets: Iterable[tuple[str, Any]] = ((imagenet_id(number), row) for number, row in enumerate(document, start=1))
        numbers, names, files = Numbers.IMAGENET, dict[str, str](), [path]
    else:
        sets = document.items()
        beside = path.with_name(CLASSES_FILE)
        files = [path, beside] if beside.is_file() else [path]
        numbers, names = Numbers.WORKSPACE, _names(beside) if beside in files else {}
    checked = [(image, _labels(image, row, path)) for image, row in sets]

    def entries(report: Callable[[Fault], None]) -> Iterator[Entry]:
        for image, labels in checked:
            for label in labels:
                yield Entry(image, image, names.get(label, label))
            if not labels:
                yield Entry(image, image, None)

    return PublishedLabels(entries, numbers, files)


def _labels(image: str, row: Any, path: Path) -> list[str]:
    if not isinstance(row, list) or not all(type(label) in (int, str) and label != "" for label in row):
        raise UsageError(f"{path}, {image}: expected a list of classes, found {preview(row)}")
    labels = [str(label).strip() for label in row]
    if len(set(labels)) < len(labels):
        raise UsageError(f"{path}, {image}: expected each class once, found {preview(row)}")
    return labels


def _names(path: Path) -> dict[str, str]:
    """Index -> name of each class of the export beside the labels."""
    document = read_document(path)
    if not isinstance(document, Mapping) or not all(isinstance(name, str) for name in document.values()):
        raise UsageError(f"{path}: expected an object from index to name of a class, found {preview(document)}")
    return dict(document)
