"""Labelled images: list and index them, read classes, labels and boxes, decode pixels."""

from reground.tasks.images.boxes import Box
from reground.tasks.images.classes import GROUPS, GroupCoverage, load_classes, load_groups, read_group_map
from reground.tasks.images.decode import (
    DECODER,
    DecodedImage,
    ImageError,
    MissingImageError,
    check_size,
    decode,
    decode_rgb,
    load_image,
    load_rgb,
)
from reground.tasks.images.formats import SUFFIXES
from reground.tasks.images.image_ids import path_id, stem_id
from reground.tasks.images.index import STEP, IndexSettings
from reground.tasks.images.labels import LabelError, LabelIndex, label_index, resolve_label
from reground.tasks.images.listed_file import ListedFile, normalize
from reground.tasks.images.listing import list_files
from reground.tasks.images.original_labels import read_original_labels
from reground.tasks.images.photograph import DropError, Photograph, enough_memory
from reground.tasks.images.png import without_texts

__all__ = [
    "STEP",
    "IndexSettings",
    "ListedFile",
    "list_files",
    "normalize",
    "stem_id",
    "path_id",
    "load_classes",
    "label_index",
    "resolve_label",
    "LabelError",
    "LabelIndex",
    "GROUPS",
    "load_groups",
    "read_group_map",
    "GroupCoverage",
    "read_original_labels",
    "SUFFIXES",
    "DECODER",
    "decode",
    "decode_rgb",
    "load_rgb",
    "load_image",
    "check_size",
    "without_texts",
    "DecodedImage",
    "ImageError",
    "MissingImageError",
    "Photograph",
    "Box",
    "DropError",
    "enough_memory",
]
