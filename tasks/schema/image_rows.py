"""Types of the rows of the tables in `reground.tasks.schema.images`; generated: do not edit."""

from __future__ import annotations

from typing import TypedDict

from reground.tasks.schema.nested import BoxDict, ImageDict
from reground.tasks.schema.tables import ClassIdx, ImageId


class ClassRow(TypedDict):
    """A row of ``classes``: one class."""

    class_idx: ClassIdx
    name: str
    wnids: list[str]
    gloss: str


class ImageRow(TypedDict):
    """A row of ``images``: one image."""

    image_id: ImageId
    uri: str
    class_idx: ClassIdx
    wnid: str
    width: int
    height: int
    mode: str
    sha256: str
    boxes: list[BoxDict]
    split: str


class OriginalLabelRow(TypedDict):
    """A row of ``original_labels``: one image known by its id alone."""

    image_id: ImageId
    class_idx: ClassIdx | None
    routing: str | None
    source: str


class DroppedRow(TypedDict):
    """A row of ``dropped``: one item left out."""

    stage: str
    item: str
    reason: str
    detail: str


class MaskRow(TypedDict):
    """A row of ``masks``: one image with a mask."""

    image_id: ImageId
    method: str
    rle: str
    width: int
    height: int
    box: BoxDict | None
    area_ratio: float
    quality: float
    quarantine: str | None
    seed: int


class GroupRow(TypedDict):
    """A row of ``groups``: one class in a group."""

    group: int
    name: str
    class_idx: ClassIdx


class ForegroundRow(TypedDict):
    """A row of ``foregrounds``: one image with variants."""

    image_id: ImageId
    class_idx: ClassIdx
    group: int
    rle: str
    width: int
    height: int


class VariantRow(TypedDict):
    """A row of ``variants``: one variant image."""

    image_id: ImageId
    background_id: ImageId | None
    class_idx: ClassIdx
    group: int
    background_group: int | None
    seed: int
    image: ImageDict


class VariantInputRow(TypedDict):
    """A row of ``variant_inputs``: one image that variants were made of, or left out."""

    image_id: ImageId
    digest: str


class CompositionDifferenceRow(TypedDict):
    """A row of ``composition_differences``: one variant of an image in both compositions."""

    variant: str
    image_id: ImageId
    same_background: bool
    differing_share: float
