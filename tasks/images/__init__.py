"""Labelled images: found, checked, decoded."""

from reground.tasks.images.boxes import Box
from reground.tasks.images.classes import (
    GROUPS,
    Coverage,
    LabelError,
    label_index,
    load_classes,
    load_groups,
    read_group_map,
    resolve_label,
)
from reground.tasks.images.decode import DECODER, SUFFIXES, ImageError, Picture, decode, decode_rgb, load_rgb
from reground.tasks.images.index import STEP, IndexSettings
from reground.tasks.images.listing import Found, walk
from reground.tasks.images.original_labels import known_originals
from reground.tasks.images.photograph import LeftOut, Photograph

__all__ = [
    "DECODER",
    "GROUPS",
    "STEP",
    "SUFFIXES",
    "Box",
    "Coverage",
    "Found",
    "ImageError",
    "IndexSettings",
    "LabelError",
    "LeftOut",
    "Photograph",
    "Picture",
    "decode",
    "decode_rgb",
    "known_originals",
    "label_index",
    "load_classes",
    "load_groups",
    "load_rgb",
    "read_group_map",
    "resolve_label",
    "walk",
]
