"""The floor plan: every table, its columns, types, units, key and meaning.

A table named ``variants/NAME`` belongs to the family ``variants``; all members of a family
share one plan. Column types are the names ``reground.tasks.schema.arrow`` turns into Arrow types.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NewType

from reground.tasks.errors import unknown
from reground.tasks.schema.column import Table
from reground.tasks.schema.images import IMAGES
from reground.tasks.schema.labels import LABELS
from reground.tasks.schema.models import MODELS
from reground.tasks.schema.references import REFERENCES
from reground.tasks.schema.reviews import REVIEWS
from reground.tasks.schema.suspects import SUSPECTS

ImageId = NewType("ImageId", str)
"""An image's key in every table: the stem of its file (or its path, with ``--ids path``)."""
ClassIdx = NewType("ClassIdx", int)
"""A class's key: its index in the workspace's ``classes`` table. -1: outside the vocabulary."""
AnnotatorId = NewType("AnnotatorId", str)
"""An annotator's key: ``SOURCE:NAME``, unique across sources."""

OUTSIDE: Final = ClassIdx(-1)
PHOTOGRAPHS: Final = "photographs"
"""The set of indexed images themselves, beside the variants made of them."""
VARIANTS: Final = (
    "original",
    "only_bg_b",
    "only_bg_t",
    "no_fg",
    "only_fg",
    "mixed_same",
    "mixed_rand",
    "mixed_next",
)
"""The eight ImageNet-9 variants, in the order of the paper (Xiao et al. 2020, figure 1)."""
PUBLISHED_VARIANTS: Final = (
    "only_bg_t_published",
    "mixed_same_published",
    "mixed_rand_published",
    "mixed_next_published",
)
"""The variants that the published composition may make otherwise, made so beside the others to compare."""


class ImageState(StrEnum):
    """How far people are with an image: the closed list of ``truth.state``."""

    SETTLED = "settled"  # they have decided
    IN_REVIEW = "in_review"  # asked, not decided
    UNREVIEWED = "unreviewed"  # nobody was asked


class Outcome(StrEnum):
    """What became of the original label of a settled image: the closed list of ``truth.outcome``."""

    CONFIRMED = "confirmed"  # it alone holds
    EXTENDED = "extended"  # it holds, and others
    CHANGED = "changed"  # others hold instead
    EMPTY = "empty"  # no label holds
    LABELLED = "labelled"  # nobody knows the original label, and some hold


class DropReason(StrEnum):
    """Why something was left out: the closed list of the ``dropped`` table."""

    UNREADABLE = "unreadable"  # the operating system refused to open it
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    OTHER_FILE = "other_file"  # its name does not claim to be an image: counted, but no failure
    FORMAT_UNSUPPORTED = "format_unsupported"  # an image that this Pillow cannot decode
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"  # over the pixel limit: a decompression bomb, or a setting to raise
    ANIMATED = "animated"
    DUPLICATE_ID = "duplicate_id"
    LABEL_UNKNOWN = "label_unknown"  # outside the vocabulary
    LABEL_MISSING = "label_missing"
    LABEL_CONFLICT = "label_conflict"  # a label file and a folder name different classes; the image is indexed
    NO_ORIGINAL = "no_original"  # a variant or mask of an image that is not there
    IMAGE_SIZE_MISMATCH = "image_size_mismatch"  # of another size than its set has
    BOX_FILE_INVALID = "box_file_invalid"
    BOX_OUTSIDE_IMAGE = "box_outside_image"
    BOX_SIZE_MISMATCH = "box_size_mismatch"  # the box file speaks of an image of another size
    BOX_OTHER_CLASS = "box_other_class"  # a box names another class than the label, and is left out
    BOX_ORIENTATION_UNCLEAR = "box_orientation_unclear"  # stored or shown pixels of an EXIF-rotated image; it is kept
    NO_BOX = "no_box"
    SEVERAL_BOXES = "several_boxes"
    BOX_TOO_LARGE = "box_too_large"
    BOX_OUTSIDE_CROP = "box_outside_crop"
    MASK_FAILED = "mask_failed"
    MASK_TOO_SMALL = "mask_too_small"
    MASK_MISSING = "mask_missing"  # nobody supplied one
    MASK_SIZE_MISMATCH = "mask_size_mismatch"  # a supplied mask of another size than its image
    MASK_AMBIGUOUS = "mask_ambiguous"  # a supplied mask whose values do not say which is the foreground
    MASK_PART_INVALID = "mask_part_invalid"  # an instance that cannot be used; the mask has the others
    MASK_QUARANTINED = "mask_quarantined"  # of too low quality to be pasted unseen
    NO_GROUP = "no_group"  # the class lies in none of the groups
    NO_BACKGROUND = "no_background"  # no strip beside the box, or no image to take one from
    IMAGE_UNKNOWN = "image_unknown"  # a vote on, or a prediction of, an image that the workspace lacks
    ORIGINAL_DISPUTED = "original_disputed"  # two sources name different original labels of an image
    TASK_DELETED = "task_deleted"  # a question that somebody deleted in Label Studio
    ANSWER_INVALID = "answer_invalid"  # a person's answer that contradicts itself
    ANSWER_TAMPERED = "answer_tampered"  # changed by somebody other than who gave it
    ANSWER_SUPERSEDED = "answer_superseded"  # the same person answered the same task again
    ANSWER_SURPLUS = "answer_surplus"  # enough people had answered the task before
    ANSWER_OVERWRITTEN = "answer_overwritten"  # a curator corrected it before it was collected
    DECISION_OVERRULED = "decision_overruled"  # a later decision says the opposite
    ANSWER_UNINVITED = "answer_uninvited"  # by somebody other than the one person who was asked


TABLES: Final[dict[str, Table]] = {
    table.name: table for table in (*IMAGES, *LABELS, *REVIEWS, *REFERENCES, *MODELS, *SUSPECTS)
}


def family(name: str) -> str:
    """``variants/mixed_rand`` -> ``variants``."""
    return name.partition("/")[0]


def table(name: str) -> Table:
    """The plan of the table ``name`` (``FAMILY`` or ``FAMILY/MEMBER``).

    Raises:
        UsageError: no such table; the message lists all.
    """
    try:
        return TABLES[family(name)]
    except KeyError:
        raise unknown("table", name, TABLES) from None
