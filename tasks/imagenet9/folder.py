"""List a folder in the layout of the released ImageNet-9 data, and match the files of each image.

The group of a file is the group of its folder, whatever its class, as in the published evaluators.

Only the tables ``metadata.csv``, ``classes.csv`` and ``groups.csv`` are opened, which this project's exports
include. Without them the vocabulary is ImageNet-1k with the groups of ImageNet-9, and file names are parsed
(`reground.tasks.imagenet9.layout`): a stem begins with the WordNet id of the class, and the name of a mixed
image includes its background. The published ``mixed_rand`` is an exception: its files have the names of
``mixed_next`` (MadryLab/backgrounds_challenge, issue 8), so their backgrounds are unknown.
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
from reground.tasks.imagenet9.metadata import FileMetadata, Groups, metadata_from_name, read_groups, read_metadata
from reground.tasks.images import SUFFIXES, ListedFile, list_files, load_classes
from reground.tasks.schema import ClassRow, DropReason

_WNID: Final = re.compile(r"(n\d{8})(_|$)", re.ASCII)
_NUMBER: Final = re.compile(r"(\d+)_", re.ASCII)


@dataclass(frozen=True)
class DroppedFile:
    """A file that is not used, with a reason code and a message."""

    item: str
    reason: DropReason
    detail: str


@dataclass(frozen=True)
class ArchiveFile:
    """A file of a set.

    Attributes:
        place: path in the archive, such as ``original/val/00_dog/STEM.JPEG``.
        entry: the listed file.
        metadata: from ``metadata.csv`` or the file name.
    """

    place: str
    entry: ListedFile
    metadata: FileMetadata


@dataclass
class ArchiveImage:
    """An image of ``original`` with its variants and mask.

    Attributes:
        image_id: key of the image.
        class_idx: the original label.
        files: set -> file, ``original`` first and ``fg_mask`` last.
    """

    image_id: str
    class_idx: int
    files: dict[str, ArchiveFile]


@dataclass
class Archive:
    """A folder in the layout of the released data.

    Attributes:
        classes: rows of ``classes``.
        groups: rows of ``groups``.
        sets: the variants in the folder, and ``fg_mask`` if present, in the order of the layout.
        images: by image_id.
        drops: files that are not used.
    """

    classes: list[ClassRow]
    groups: Groups
    sets: tuple[str, ...]
    images: dict[str, ArchiveImage] = field(default_factory=dict[str, ArchiveImage])
    drops: list[DroppedFile] = field(default_factory=list[DroppedFile])


def read_archive(folder: Path) -> Archive:
    """List a folder, and match the files of each image.

    Raises:
        UsageError: the folder has another layout, its sets have different class folders, or one of the
            tables is malformed; the message gives what was expected.
    """
    sets, class_folders = check_layout(folder)
    classes, groups = read_vocabulary(folder)
    _check_count(folder, class_folders, groups)
    archive = Archive(classes, groups, sets)
    metadata = read_metadata(folder / layout.METADATA, {row["class_idx"] for row in classes}, class_folders)
    files = {name: _list(folder, name, class_folders, metadata, archive.drops) for name in sets}
    for place in metadata.keys() - {file.place for entries in files.values() for file in entries}:
        detail = f"listed in {layout.METADATA}, but missing"
        archive.drops.append(DroppedFile(place, DropReason.UNREADABLE, detail))
    _join(archive, files)
    return archive


def check_layout(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sets in a folder, and their class folders in order of the group.

    Raises:
        UsageError: the folder has another layout, or its sets have different class folders.
    """
    sets = _sets(folder)
    return sets, _class_folders(folder, sets)


def read_vocabulary(folder: Path) -> tuple[list[ClassRow], Groups]:
    """Read the rows of ``classes`` and ``groups``.

    Raises:
        UsageError: ``classes.csv`` or ``groups.csv`` is malformed.
    """
    path = folder / layout.CLASSES
    classes = load_classes(path if path.exists() else "")
    return classes, read_groups(folder / layout.GROUPS, classes)


def _sets(folder: Path) -> tuple[str, ...]:
    sets = tuple(name for name in (*layout.SETS, layout.MASKS) if (folder / name / layout.SPLIT).is_dir())
    if layout.ORIGINAL in sets:
        return sets
    entries = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    raise UsageError(
        f"expected {layout.ORIGINAL}/{layout.SPLIT}/00_dog/... and the other variants in {str(folder) or 'a folder'}, "
        f"found {', '.join(entries[:10]) or 'nothing'}. Give the folder that contains '{layout.ORIGINAL}': "
        "`reground imagenet9 import FOLDER -w W`."
    )


def _class_folders(folder: Path, sets: Sequence[str]) -> tuple[str, ...]:
    """The class folders, the same in every set: the published evaluators number the groups by position."""
    of_set = {name: _folders_in(folder / name / layout.SPLIT) for name in sets}
    expected = of_set[layout.ORIGINAL]
    for name, folders in of_set.items():
        if folders != expected:
            raise UsageError(
                f"expected in {folder / name / layout.SPLIT} the class folders of {layout.ORIGINAL} "
                f"({', '.join(expected)}), found {', '.join(folders) or 'none'}. "
                f"Extra: {_difference(folders, expected)}; missing: {_difference(expected, folders)}. "
                "Groups are numbered by the position of their folder, so each set needs all folders, even empty ones."
            )
    for place, name in enumerate(expected):
        number = _NUMBER.match(name)
        if number and int(number[1]) != place:
            raise UsageError(
                f"expected class folders numbered from 0 without gaps in {folder}, found '{name}' "
                f"at position {place} of {', '.join(expected)}: add the missing folder, or remove the extra one."
            )
    return expected


def _folders_in(folder: Path) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))


def _difference(names: Sequence[str], reference: Sequence[str]) -> str:
    return ", ".join(sorted(set(names) - set(reference))) or "none"


def _check_count(folder: Path, class_folders: Sequence[str], groups: Groups) -> None:
    count = 1 + max(row["group"] for row in groups)
    if len(class_folders) == count:
        return
    source = layout.GROUPS if (folder / layout.GROUPS).exists() else "the groups of ImageNet-9"
    raise UsageError(
        f"expected {count} class folders in {folder / layout.ORIGINAL / layout.SPLIT}, one for each group of "
        f"{source}, found {len(class_folders)}: {', '.join(class_folders)}. For other groups, add a file "
        f"{layout.GROUPS} next to '{layout.ORIGINAL}', with the columns {','.join(layout.GROUP_COLUMNS)}."
    )


def _list(
    folder: Path,
    name: str,
    class_folders: Sequence[str],
    metadata: Mapping[str, FileMetadata],
    drops: list[DroppedFile],
) -> list[ArchiveFile]:
    """The files of a set; files that cannot be used are added to ``drops``."""
    files: list[ArchiveFile] = []
    suffixes = {layout.MASK} if name == layout.MASKS else SUFFIXES
    for entry in list_files(folder / name / layout.SPLIT):
        place = PurePosixPath(name, layout.SPLIT, entry.name)
        if entry.problem:
            drops.append(DroppedFile(str(place), entry.problem.reason, entry.problem.detail))
        elif place.suffix.lower() not in suffixes:
            detail = f"expected {_expected_format(name)}, found '{place.suffix}'"
            drops.append(DroppedFile(str(place), DropReason.NOT_AN_IMAGE, detail))
        elif place.parts[2] not in class_folders:
            drops.append(DroppedFile(str(place), DropReason.LABEL_MISSING, "not in a class folder"))
        else:
            group = class_folders.index(place.parts[2])
            file_metadata = metadata.get(str(place)) or metadata_from_name(name, place.stem, group)
            files.append(ArchiveFile(str(place), entry, file_metadata))
    return files


def _expected_format(name: str) -> str:
    return f"an array ({layout.MASK})" if name == layout.MASKS else f"an image ({layout.IMAGE} or similar)"


def _join(archive: Archive, files: Mapping[str, Sequence[ArchiveFile]]) -> None:
    """Match every file to its original; files without one are added to ``drops``."""
    class_of = {wnid: row["class_idx"] for row in archive.classes for wnid in row["wnids"]}
    group_of: dict[int, int] = {row["class_idx"]: row["group"] for row in archive.groups}
    for file in files[layout.ORIGINAL]:
        problem = _add_original(archive, file, class_of)
        if problem:
            archive.drops.append(problem)
    for name in archive.sets:
        if name not in (layout.ORIGINAL, layout.MASKS):
            archive.drops += [drop for file in files[name] if (drop := _add_variant(archive, name, file))]
    _add_masks(archive, files.get(layout.MASKS))
    for image in archive.images.values():
        for name, file in image.files.items():
            image.files[name] = _fill_background_group(file, class_of, group_of)


def _add_original(archive: Archive, file: ArchiveFile, class_of: Mapping[str, int]) -> DroppedFile | None:
    metadata = file.metadata
    match = _WNID.match(metadata.image_id)
    class_idx = metadata.class_idx if metadata.class_idx is not None else class_of.get(match[1] if match else "")
    if class_idx is None:
        detail = f"{match[1]} is not in the vocabulary" if match else "its name does not begin with a WordNet id"
        reason = DropReason.LABEL_UNKNOWN if match else DropReason.LABEL_MISSING
        return DroppedFile(file.place, reason, f"{detail}, and no {layout.METADATA} gives its class")
    image = ArchiveImage(metadata.image_id, class_idx, {layout.ORIGINAL: file})
    first = archive.images.setdefault(metadata.image_id, image).files[layout.ORIGINAL]
    return None if first is file else _duplicate(file, first)


def _add_variant(archive: Archive, name: str, file: ArchiveFile) -> DroppedFile | None:
    image = archive.images.get(file.metadata.image_id)
    if image is None:
        return _no_original(file)
    first = image.files.setdefault(name, file)
    return None if first is file else _duplicate(file, first)


def _add_masks(archive: Archive, masks: Sequence[ArchiveFile] | None) -> None:
    """Match masks by class folder and stem, as the published evaluator does."""
    if masks is None:
        return
    by_key = {_mask_key(image.files[layout.ORIGINAL]): image for image in archive.images.values()}
    for file in masks:
        image = by_key.get(_mask_key(file))
        if image is None:
            archive.drops.append(_no_original(file))
        elif (first := image.files.setdefault(layout.MASKS, file)) is not file:
            archive.drops.append(_duplicate(file, first))
    for key, image in by_key.items():
        if layout.MASKS not in image.files:
            place = f"{layout.MASKS}/{layout.SPLIT}/{key}{layout.MASK}"
            archive.drops.append(DroppedFile(place, DropReason.MASK_MISSING, f"'{image.image_id}' has no mask"))


def _mask_key(file: ArchiveFile) -> str:
    """Class folder and stem."""
    return str(PurePosixPath(file.entry.name).with_suffix(""))


def _duplicate(file: ArchiveFile, first: ArchiveFile) -> DroppedFile:
    return DroppedFile(file.place, DropReason.DUPLICATE_ID, f"of '{file.metadata.image_id}', as {first.place}")


def _no_original(file: ArchiveFile) -> DroppedFile:
    return DroppedFile(file.place, DropReason.NO_ORIGINAL, f"no usable {layout.ORIGINAL} of '{file.metadata.image_id}'")


def _fill_background_group(file: ArchiveFile, class_of: Mapping[str, int], group_of: Mapping[int, int]) -> ArchiveFile:
    """Published names give the background's WordNet id, but not its group."""
    metadata = file.metadata
    match = _WNID.match(metadata.background_id or "")
    if metadata.background_group is not None or match is None:
        return file
    return ArchiveFile(file.place, file.entry, metadata.with_background_group(group_of.get(class_of.get(match[1], -1))))
