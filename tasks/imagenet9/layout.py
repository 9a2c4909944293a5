"""The layout of the released ImageNet-9 data: names of its folders and files.

::

    original/val/00_dog/STEM.JPEG            one folder per variant, and one per group below val
    fg_mask/val/00_dog/STEM.npy              the mask of original/val/00_dog/STEM.JPEG
    mixed_rand/val/00_dog/fg_STEM_bg_STEM_group3_seed7.JPEG
    metadata.csv, classes.csv, groups.csv    additions of this project; absent from the published archive

The published evaluators (MadryLab/backgrounds_challenge) number the groups by the sorted names of
their folders, and find the original of a mask by its stem. They ignore the rest of a name: mixed images in
the published archive are named ``fg_STEM_bg_STEM``, without group and seed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS

ORIGINAL: Final = "original"
MASKS: Final = "fg_mask"
SPLIT: Final = "val"
IMAGE, MASK = ".JPEG", ".npy"
METADATA, CLASSES, GROUPS = "metadata.csv", "classes.csv", "groups.csv"
CLASS_MAP: Final = "in_to_in9.json"
"""Class index -> group, -1: none. The published evaluators read this file from their working directory."""
METADATA_COLUMNS: Final = ("path", "image_id", "class_idx", "group", "background_id", "background_group", "seed")
GROUP_COLUMNS: Final = ("group", "name", "class_idx")
SETS: Final = (*VARIANTS, *PUBLISHED_VARIANTS)
MAX_STEM: Final = 200
"""Characters of a file's stem; file systems allow 255 bytes with the suffix."""
MAX_SEED: Final = 2**63 - 1

_MIXED: Final = re.compile(r"fg_(.+?)_bg_(.+?)(?:_group(\d{1,9})_seed(\d{1,19}))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class MixedName:
    """The parts of a mixed image's name; None: the name does not include it."""

    image_id: str
    background_id: str
    background_group: int | None = None
    seed: int | None = None


def class_folder(group: int, name: str, count: int) -> str:
    """The folder name of a group, one of ``count``; the names sort in the order of the groups.

    Examples:
        >>> class_folder(2, "Wheeled vehicle", 9)
        '02_wheeled vehicle'
    """
    return f"{group:0{max(2, len(str(count - 1)))}d}_{quote(name.lower(), safe=' ,()')[:MAX_STEM]}"


def stem(image_id: str) -> str:
    """The file stem of an image that is not mixed, and of its mask.

    Examples:
        >>> stem("n02085620_00007"), stem("a b/c")
        ('n02085620_00007', 'a%20b%2Fc')
    """
    return _fit(_escape(image_id))


def mixed_stem(image_id: str, background_id: str, background_group: int, seed: int) -> str:
    """The file stem of a mixed image.

    Examples:
        >>> mixed_stem("n02085620_7", "n01440764_9", 8, 1)
        'fg_n02085620_7_bg_n01440764_9_group8_seed1'
    """
    return _fit(f"fg_{_escape(image_id)}_bg_{_escape(background_id)}_group{background_group}_seed{seed}")


def parse_stem(name: str) -> str:
    """The image_id of a stem: the inverse of `stem`, except for truncated stems."""
    image_id = unquote(name, errors="strict") if _is_escaped(name) else name
    return image_id if is_key(image_id) else name


def parse_mixed(name: str) -> MixedName | None:
    """Parse the stem of a mixed image, of this project or published; None: it has another form.

    Examples:
        >>> parse_mixed("fg_n02497673_05944_bg_n02536864_02721")
        MixedName(image_id='n02497673_05944', background_id='n02536864_02721', background_group=None, seed=None)
    """
    match = _MIXED.fullmatch(name)
    if match is None:
        return None
    foreground, background, *numbers = match.groups()
    group, seed = (int(number) if number else None for number in numbers)
    if seed is not None and seed > MAX_SEED:
        return None
    return MixedName(parse_stem(foreground), parse_stem(background), group, seed)


def is_key(image_id: str) -> bool:
    """Whether a text can be an image_id, which must be a valid file name."""
    return image_id not in ("", ".", "..") and not {"/", "\0"} & set(image_id)


def _escape(image_id: str) -> str:
    """Percent-encode all but letters, digits and ``_.-~``, and the sequences that a parser would misread."""
    text = quote(image_id, safe="")
    text = re.sub(r"^\.", "%2E", text)  # a hidden file
    text = text.replace("npy", "%6Epy")  # the published evaluator replaces every npy by JPEG
    return re.sub(r"_(?=bg(_|$))", "%5F", text)  # separates foreground and background in a mixed name


def _is_escaped(name: str) -> bool:
    try:
        return _escape(unquote(name, errors="strict")) == name
    except UnicodeDecodeError:
        return False


def _fit(name: str) -> str:
    if len(name) <= MAX_STEM:
        return name
    # metadata.csv has the full image_id.
    return f"{name[: MAX_STEM - 17]}~{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
