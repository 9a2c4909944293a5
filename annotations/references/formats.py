"""The formats of published labels, and how a file shows which it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reground.annotations.references.coco import SECTIONS, read_coco
from reground.annotations.references.document import read_document
from reground.annotations.references.entries import Numbers, PublishedLabels
from reground.annotations.references.imagenet_multilabel import read_multilabel
from reground.annotations.references.real import read_label_lists
from reground.annotations.references.table import read_labels
from reground.tasks.errors import UsageError, unknown
from reground.tasks.files import preview
from reground.tasks.tabular import SUFFIXES

REAL, MULTILABEL, TABLE, COCO = "real", "imagenet-multilabel", "table", "coco"
FORMATS: Final = (REAL, MULTILABEL, TABLE, COCO)


def read_published(path: Path, format: str, columns: Mapping[str, str], has_map: bool) -> tuple[str, PublishedLabels]:
    """The format of a file, and its labels.

    Args:
        path: of the file, or of a folder.
        format: one of `FORMATS`; empty: detected.
        columns: of a table, see `reground.annotations.references.table`.
        has_map: whether the user maps its classes, so that numbers in a table are not the workspace's.

    Raises:
        UsageError: the format is unknown or cannot be detected, or the file is missing or malformed.
        RegroundError: a pickle that is damaged or wants to run code.
    """
    if format and format not in FORMATS:
        raise unknown("format of published labels", format, FORMATS)
    if not path.exists():
        raise UsageError(f"expected published labels at {path}, found nothing there")
    chosen = format or _by_suffix(path)
    if columns and chosen != TABLE:
        raise UsageError(f"expected a table for --columns, found the format {chosen or 'of JSON'} at {path}")
    if chosen == MULTILABEL:
        return chosen, read_multilabel(path)
    if chosen == TABLE:
        return chosen, read_labels(path, columns, Numbers.NONE if has_map else Numbers.WORKSPACE)
    return _read_json(path, chosen, columns, has_map)


def _read_json(path: Path, format: str, columns: Mapping[str, str], has_map: bool) -> tuple[str, PublishedLabels]:
    """As `read_published`, of a document whose content shows the format unless it is given."""
    document = read_document(path)
    if isinstance(document, dict) and document.keys() >= set(SECTIONS) and format != REAL:
        return COCO, read_coco(path, document)
    if format == COCO:
        raise UsageError(f"{path}: expected an object with {', '.join(SECTIONS)}, found {preview(document)}")
    if isinstance(document, list) and document and all(isinstance(row, dict) for row in document):
        return TABLE, read_labels(path, columns, Numbers.NONE if has_map else Numbers.WORKSPACE)
    if not isinstance(document, list | dict):
        raise UsageError(f"{path}: expected label lists (real.json) or COCO, found {preview(document)}")
    return REAL, read_label_lists(path, document)


def _by_suffix(path: Path) -> str:
    """The format that a path shows; empty: the content of its JSON decides."""
    if path.is_dir() or path.suffix == ".pkl":
        return MULTILABEL
    if path.suffix.lower() == ".json":
        return ""
    if path.suffix.lower() in SUFFIXES:
        return TABLE
    raise UsageError(
        f"{path}: expected label lists or COCO (.json), a pickle of ImageNetMultiLabel (.pkl) or a table "
        f"({', '.join(suffix for suffix in SUFFIXES if suffix != '.json')}): name the format with --format"
    )
