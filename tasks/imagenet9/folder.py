"""What lies in a folder in the layout of the released ImageNet-9 data, and what of it belongs together.

The group of a file is that of its folder, whatever its class: so the published evaluators have it.

Nothing is opened but the tables beside the images (``metadata.csv``, ``classes.csv``, ``groups.csv``),
which our own exports have. Without them the vocabulary is ImageNet-1k in the groups of ImageNet-9, and
names say what they can (`reground.tasks.imagenet9.layout`): the class by the WordNet id that the stem begins
with, the background by the name of a mixed image. Of the published archive's ``mixed_rand`` they
cannot: its files are called like those of ``mixed_next`` (MadryLab/backgrounds_challenge, issue 8).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import reground.tasks.imagenet9.layout as layout
from reground.tasks.errors import UsageError
from reground.tasks.imagenet9.metadata import Groups, Named, read_groups, read_metadata
from reground.tasks.images import SUFFIXES, ListedFile, list_files, load_classes
from reground.tasks.schema import ClassRow, DropReason

MISNAMED: Final = ("mixed_rand",)
"""Sets whose published names are those of another."""

_WNID: Final = re.compile(r"(n\d{8})(_|$)", re.ASCII)
_NUMBER: Final = re.compile(r"(\d+)_", re.ASCII)


@dataclass(frozen=True)
class Drop:
    """A file that is not used, and why."""

    item: str
    reason: DropReason
    detail: str


@dataclass(frozen=True)
class File:
    """A file of a set: where it lies in the layout, and what is said of it."""

    place: str
    found: ListedFile
    named: Named


@dataclass
class Image:
    """An image of ``original``, with all that is made of it.

    Attributes:
        image_id: its key.
        class_idx: its class.
        files: set -> its file, ``original`` first and ``fg_mask`` last.
    """

    image_id: str
    class_idx: int
    files: dict[str, File]


@dataclass
class Archive:
    """A folder in the layout of the released data.

    Attributes:
        classes: rows of ``classes``.
        groups: rows of ``groups``.
        sets: the variants there are, and ``fg_mask`` if it is there, in the order of the layout.
        images: by key.
        drops: what is not used.
    """

    classes: list[ClassRow]
    groups: Groups
    sets: tuple[str, ...]
    images: dict[str, Image] = field(default_factory=dict[str, Image])
    drops: list[Drop] = field(default_factory=list[Drop])


def read_archive(folder: Path) -> Archive:
    """List a folder, and put together what belongs together.

    Raises:
        UsageError: no such layout there, class folders that contradict each other, or a table
            beside the images that cannot be read; says what was expected.
    """
    sets, class_folders = check_layout(folder)
    classes, groups = read_vocabulary(folder)
    _check_count(folder, class_folders, groups)
    archive = Archive(classes, groups, sets)
    told = read_metadata(folder / layout.METADATA, {row["class_idx"] for row in classes}, class_folders)
    files = {name: _list(folder, name, class_folders, told, archive.drops) for name in sets}
    for place in told.keys() - {file.place for found in files.values() for file in found}:
        archive.drops.append(Drop(place, DropReason.UNREADABLE, f"{layout.METADATA} lists it, and it is not there"))
    _join(archive, files)
    return archive


def check_layout(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sets in a folder, and the class folders that each of them has.

    Raises:
        UsageError: no such layout there, or class folders that contradict each other.
    """
    sets = _sets(folder)
    return sets, _class_folders(folder, sets)


def read_vocabulary(folder: Path) -> tuple[list[ClassRow], Groups]:
    """The rows of ``classes`` and ``groups``.

    Raises:
        UsageError: ``classes.csv`` or ``groups.csv`` is malformed.
    """
    path = folder / layout.CLASSES
    classes = load_classes(path if path.exists() else "")
    return classes, read_groups(folder / layout.GROUPS, classes)


def _sets(folder: Path) -> tuple[str, ...]:
    there = tuple(name for name in (*layout.SETS, layout.MASKS) if (folder / name / layout.SPLIT).is_dir())
    if layout.ORIGINAL in there:
        return there
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    raise UsageError(
        f"expected {layout.ORIGINAL}/{layout.SPLIT}/00_dog/... and the other variants in {str(folder) or 'a folder'}, "
        f"found {', '.join(found[:10]) or 'nothing'}. Name the folder that holds '{layout.ORIGINAL}': "
        "`reground imagenet9 import FOLDER -w W`."
    )


def _class_folders(folder: Path, sets: Sequence[str]) -> tuple[str, ...]:
    """The folders of the groups by their place, the same in every set: it is what the published evaluators go by."""
    of_set = {name: _folders_in(folder / name / layout.SPLIT) for name in sets}
    expected = of_set[layout.ORIGINAL]
    for name, found in of_set.items():
        if found != expected:
            raise UsageError(
                f"expected in {folder / name / layout.SPLIT} the class folders of {layout.ORIGINAL} "
                f"({', '.join(expected)}), found {', '.join(found) or 'none'}. "
                f"Too many: {_names(found, expected)}; missing: {_names(expected, found)}. "
                "Groups are counted by the place of their folder, so each set needs all, empty ones too."
            )
    for place, name in enumerate(expected):
        number = _NUMBER.match(name)
        if number and int(number[1]) != place:
            raise UsageError(
                f"expected class folders that are numbered from 0 without gaps in {folder}, found '{name}' "
                f"at place {place} of {', '.join(expected)}: add the one that is missing, or remove what is no class."
            )
    return expected


def _folders_in(folder: Path) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))


def _names(these: Sequence[str], others: Sequence[str]) -> str:
    return ", ".join(sorted(set(these) - set(others))) or "none"


def _check_count(folder: Path, class_folders: Sequence[str], groups: Groups) -> None:
    count = 1 + max(row["group"] for row in groups)
    if len(class_folders) == count:
        return
    source = layout.GROUPS if (folder / layout.GROUPS).exists() else "the groups of ImageNet-9"
    raise UsageError(
        f"expected {count} class folders in {folder / layout.ORIGINAL / layout.SPLIT}, one for each group of "
        f"{source}, found {len(class_folders)}: {', '.join(class_folders)}. Other groups are told by a file "
        f"{layout.GROUPS} beside '{layout.ORIGINAL}', with the columns {','.join(layout.GROUP_COLUMNS)}."
    )


def _list(
    folder: Path, name: str, class_folders: Sequence[str], told: Mapping[str, Named], drops: list[Drop]
) -> list[File]:
    """The files of a set; those that cannot be used go to ``drops``."""
    listed: list[File] = []
    suffixes = {layout.MASK} if name == layout.MASKS else SUFFIXES
    for found in list_files(folder / name / layout.SPLIT):
        place = PurePosixPath(name, layout.SPLIT, found.name)
        if found.problem:
            drops.append(Drop(str(place), found.problem.reason, found.problem.detail))
        elif place.suffix.lower() not in suffixes:
            drops.append(Drop(str(place), DropReason.NOT_AN_IMAGE, f"expected {_kinds(name)}, found '{place.suffix}'"))
        elif place.parts[2] not in class_folders:
            drops.append(Drop(str(place), DropReason.LABEL_MISSING, "lies in no class folder"))
        else:
            group = class_folders.index(place.parts[2])
            named = told.get(str(place)) or _by_name(name, place.stem, group)
            listed.append(File(str(place), found, named))
    return listed


def _kinds(name: str) -> str:
    return f"an array ({layout.MASK})" if name == layout.MASKS else f"an image ({layout.IMAGE} and the like)"


def _by_name(name: str, stem: str, group: int) -> Named:
    """What the name of a file says of it."""
    mixed = layout.parse_mixed(stem) if name.startswith("mixed_") else None
    if mixed is None:
        return Named(layout.parse_stem(stem), group)
    if name in MISNAMED and mixed.seed is None:
        return Named(mixed.image_id, group)
    return Named(mixed.image_id, group, None, mixed.background_id, mixed.background_group, mixed.seed or 0)


def _join(archive: Archive, files: Mapping[str, Sequence[File]]) -> None:
    """Put every file to its original; what has none goes to ``drops``."""
    class_of = {wnid: row["class_idx"] for row in archive.classes for wnid in row["wnids"]}
    group_of: dict[int, int] = {row["class_idx"]: row["group"] for row in archive.groups}
    for file in files[layout.ORIGINAL]:
        problem = _take_original(archive, file, class_of)
        if problem:
            archive.drops.append(problem)
    for name in archive.sets:
        if name not in (layout.ORIGINAL, layout.MASKS):
            archive.drops += [drop for file in files[name] if (drop := _take_variant(archive, name, file))]
    _take_masks(archive, files.get(layout.MASKS))
    for image in archive.images.values():
        for name, file in image.files.items():
            image.files[name] = _with_background_group(file, class_of, group_of)


def _take_original(archive: Archive, file: File, class_of: Mapping[str, int]) -> Drop | None:
    named = file.named
    found = _WNID.match(named.image_id)
    class_idx = named.class_idx if named.class_idx is not None else class_of.get(found[1] if found else "")
    if class_idx is None:
        why = f"{found[1]} is no WordNet id of the vocabulary" if found else "its name begins with no WordNet id"
        reason = DropReason.LABEL_UNKNOWN if found else DropReason.LABEL_MISSING
        return Drop(file.place, reason, f"{why}, and no {layout.METADATA} tells its class")
    first = archive.images.setdefault(named.image_id, Image(named.image_id, class_idx, {layout.ORIGINAL: file})).files[
        layout.ORIGINAL
    ]
    return None if first is file else _taken(file, first)


def _take_variant(archive: Archive, name: str, file: File) -> Drop | None:
    image = archive.images.get(file.named.image_id)
    if image is None:
        return _without_original(file)
    first = image.files.setdefault(name, file)
    return None if first is file else _taken(file, first)


def _take_masks(archive: Archive, masks: Sequence[File] | None) -> None:
    """A mask is found by the place and stem of its original, as the published evaluator finds the original."""
    if masks is None:
        return
    by_place = {_bare(image.files[layout.ORIGINAL]): image for image in archive.images.values()}
    for file in masks:
        image = by_place.get(_bare(file))
        if image is None:
            archive.drops.append(_without_original(file))
        elif (first := image.files.setdefault(layout.MASKS, file)) is not file:
            archive.drops.append(_taken(file, first))
    for bare, image in by_place.items():
        if layout.MASKS not in image.files:
            place = f"{layout.MASKS}/{layout.SPLIT}/{bare}{layout.MASK}"
            archive.drops.append(Drop(place, DropReason.MASK_MISSING, f"'{image.image_id}' has none"))


def _bare(file: File) -> str:
    """Class folder and stem."""
    return str(PurePosixPath(file.found.name).with_suffix(""))


def _taken(file: File, first: File) -> Drop:
    return Drop(file.place, DropReason.DUPLICATE_ID, f"of '{file.named.image_id}', like {first.place}")


def _without_original(file: File) -> Drop:
    return Drop(file.place, DropReason.NO_ORIGINAL, f"no usable {layout.ORIGINAL} of '{file.named.image_id}'")


def _with_background_group(file: File, class_of: Mapping[str, int], group_of: Mapping[int, int]) -> File:
    """A published name tells the group of a background by its WordNet id only."""
    named = file.named
    found = _WNID.match(named.background_id or "")
    if named.background_group is not None or found is None:
        return file
    return File(file.place, file.found, named.in_background_group(group_of.get(class_of.get(found[1], -1))))
