"""The layout of the released ImageNet-9 data: what its folders and files are called.

::

    original/val/00_dog/STEM.JPEG            one folder a variant, one folder a group below val
    fg_mask/val/00_dog/STEM.npy              the mask of original/val/00_dog/STEM.JPEG
    mixed_rand/val/00_dog/fg_STEM_bg_STEM_group3_seed7.JPEG
    metadata.csv, classes.csv, groups.csv    ours: what names alone cannot tell; absent in the published archive

The published evaluators (MadryLab/backgrounds_challenge) number the groups by the sorted names of
their folders, and find the original of a mask by its stem. The rest of a name is free: the
published archive's mixed images are called ``fg_STEM_bg_STEM``, without group and seed.
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
"""Class index -> group, -1: none. Under this name the published evaluators read it, from where they are started."""
METADATA_COLUMNS: Final = ("path", "image_id", "class_idx", "group", "background_id", "background_group", "seed")
GROUP_COLUMNS: Final = ("group", "name", "class_idx")
SETS: Final = (*VARIANTS, *PUBLISHED_VARIANTS)
MAX_STEM: Final = 200
"""Characters of a file's stem; file systems allow 255 bytes with the suffix."""
MAX_SEED: Final = 2**63 - 1

_MIXED: Final = re.compile(r"fg_(.+?)_bg_(.+?)(?:_group(\d{1,9})_seed(\d{1,19}))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Mixed:
    """What the name of a mixed image says; None: it does not say it."""

    image_id: str
    background_id: str
    background_group: int | None = None
    seed: int | None = None


def class_folder(group: int, name: str, count: int) -> str:
    """The folder of a group of ``count``; the folders sort as the groups are numbered.

    Examples:
        >>> class_folder(2, "Wheeled vehicle", 9)
        '02_wheeled vehicle'
    """
    return f"{group:0{max(2, len(str(count - 1)))}d}_{quote(name.lower(), safe=' ,()')[:MAX_STEM]}"


def stem(image_id: str) -> str:
    """The stem of an image that is not mixed, and of its mask.

    Examples:
        >>> stem("n02085620_00007"), stem("a b/c")
        ('n02085620_00007', 'a%20b%2Fc')
    """
    return _fit(_escape(image_id))


def mixed_stem(image_id: str, background_id: str, background_group: int, seed: int) -> str:
    """The stem of a mixed image.

    Examples:
        >>> mixed_stem("n02085620_7", "n01440764_9", 8, 1)
        'fg_n02085620_7_bg_n01440764_9_group8_seed1'
    """
    return _fit(f"fg_{_escape(image_id)}_bg_{_escape(background_id)}_group{background_group}_seed{seed}")


def parse_stem(name: str) -> str:
    """The image_id that a stem says; the reverse of `stem` but for those cut to length."""
    image_id = unquote(name, errors="strict") if _is_escaped(name) else name
    return image_id if is_key(image_id) else name


def parse_mixed(name: str) -> Mixed | None:
    """What the stem of a mixed image says, ours or a published one; None: it is called otherwise.

    Examples:
        >>> parse_mixed("fg_n02497673_05944_bg_n02536864_02721")
        Mixed(image_id='n02497673_05944', background_id='n02536864_02721', background_group=None, seed=None)
    """
    found = _MIXED.fullmatch(name)
    if found is None:
        return None
    foreground, background, group, seed = found.groups()
    told = (int(group), int(seed)) if group else (None, None)
    if told[1] is not None and told[1] > MAX_SEED:
        return None
    return Mixed(parse_stem(foreground), parse_stem(background), *told)


def is_key(image_id: str) -> bool:
    """Whether something may be an image_id: a file can be called so."""
    return image_id not in ("", ".", "..") and not {"/", "\0"} & set(image_id)


def _escape(image_id: str) -> str:
    """Letters, digits and ``_.-~`` as they are, all else by its bytes; what would mislead a reader too."""
    escaped = quote(image_id, safe="")
    escaped = re.sub(r"^\.", "%2E", escaped)  # a hidden file
    escaped = escaped.replace("npy", "%6Epy")  # the published evaluator replaces npy by JPEG wherever it stands
    return re.sub(r"_(?=bg(_|$))", "%5F", escaped)  # ends the foreground of a mixed name


def _is_escaped(name: str) -> bool:
    try:
        return _escape(unquote(name, errors="strict")) == name
    except UnicodeDecodeError:
        return False


def _fit(name: str) -> str:
    if len(name) <= MAX_STEM:
        return name
    # metadata.csv tells whose it is.
    return f"{name[: MAX_STEM - 17]}~{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
