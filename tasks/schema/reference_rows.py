"""Types of the rows of the tables in `reground.tasks.schema.references`; generated: do not edit."""

from __future__ import annotations

from typing import TypedDict

from reground.tasks.schema.nested import BoxDict
from reground.tasks.schema.tables import ClassIdx, ImageId


class ReferenceRow(TypedDict):
    """A row of ``references``: one reference truth."""

    name: str
    format: str
    file: str
    sha256: str
    classes_file: str
    classes_sha256: str
    images: int
    empty: int
    labels: int
    dropped: int


class ReferenceTruthRow(TypedDict):
    """A row of ``reference_truths``: one image in a reference truth."""

    image_id: ImageId
    labels: list[int]
    confidence: list[float] | None
    boxes: list[BoxDict]
    box_labels: list[int]


class ReferenceClassRow(TypedDict):
    """A row of ``reference_classes``: one class of a reference truth, with a class that it is."""

    theirs: str
    class_idx: ClassIdx | None
    match: str
    labels: int
