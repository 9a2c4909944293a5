"""List labelled images from class folders, a flat folder with a label file, or a CSV.

A source lists its files and their labels as text. Images are not decoded here, and labels are not resolved.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.images.formats import SUFFIXES, UNSUPPORTED_SUFFIXES
from reground.tasks.images.kaggle import SOLUTION_COLUMNS
from reground.tasks.images.label_files import VALIDATION, label_file_paths, read_labels
from reground.tasks.images.listing import FileProblem, ListedFile, PathFinder, list_files, stat_file
from reground.tasks.schema import DropReason
from reground.tasks.tabular import read_text_table

ACCEPTED_SOURCES: Final = """\
  - a folder with one folder of images per class, named by WordNet id, class name or index;
  - ILSVRC as Kaggle distributes it: the folder with ILSVRC and LOC_val_solution.csv;
  - a flat ILSVRC2012 val, with --labels LOC_val_solution.csv or --labels DEVKIT (the folder with
    data/meta.mat and data/ILSVRC2012_validation_ground_truth.txt, or that file with meta.mat in the same folder);
  - a CSV with the columns path (relative to the CSV) and label, and optionally split."""


@dataclass(frozen=True)
class OtherLabel:
    """A label that something else than the source's label names for a file.

    Attributes:
        text: the label, not resolved yet.
        place: where it is named, for a message.
    """

    text: str
    place: str


@dataclass(frozen=True)
class LabelledFile:
    """A file with its label and split.

    Attributes:
        file: the file.
        label: as text, not resolved yet; empty: the source has none.
        split: name of the split; empty: the source has none.
        label_problem: why there is no label; empty: there is one.
        other_labels: labels from elsewhere; they may name the same class.
    """

    file: ListedFile
    label: str
    split: str = ""
    label_problem: str = ""
    other_labels: tuple[OtherLabel, ...] = ()


def list_source(images: str, labels: str = "", skip: Collection[Path] = ()) -> list[LabelledFile]:
    """List the files of a source with their labels, sorted by name.

    Args:
        images: a folder, or a CSV.
        labels: a label file, for a flat folder; empty: the source has the labels.
        skip: files and folders to leave out.

    Raises:
        UsageError: not an accepted source, an empty one, or a label file that cannot be read.
    """
    check_source(images, labels)
    path = Path(images)
    return _from_folder(path, labels, skip) if path.is_dir() else _from_csv(path)


def check_source(images: str, labels: str = "") -> None:
    """Check the arguments of `list_source` without listing anything.

    Raises:
        UsageError: not an accepted source.
    """
    path = Path(images)
    if not images or not path.exists():
        raise UsageError(f"expected images at '{images}', found nothing there. Accepted are:\n{ACCEPTED_SOURCES}")
    if path.is_dir():
        return
    if path.suffix.lower() != ".csv":
        raise UsageError(f"expected a folder or a .csv, found the file {path}. Accepted are:\n{ACCEPTED_SOURCES}")
    if labels:
        raise UsageError(
            f"expected labels only in the CSV {path}, got the label file {labels} too: give --labels '' (index.labels)"
        )
    _refuse_solution(path)


def _refuse_solution(path: Path) -> None:
    """Kaggle's CSV of labels does not say where its images are."""
    try:
        with path.open(encoding="utf-8-sig") as handle:
            header = handle.readline(1000)
    except (OSError, UnicodeDecodeError):
        return  # the reader of the CSV reports it
    if tuple(cell.strip() for cell in header.split(",")) == SOLUTION_COLUMNS:
        raise UsageError(
            f"expected a CSV of paths and labels, found Kaggle's labels in {path}, which has no paths. "
            f"Give the folder of the images: `reground index VAL --labels {path}`"
        )


def _from_folder(root: Path, labels: str, skip: Collection[Path]) -> list[LabelledFile]:
    files = [_check_suffix(file) for file in list_files(root, [*skip, *label_file_paths(labels)])]
    usable = [file for file in files if file.problem is None]
    if not usable:
        details = "; ".join(f"{file.name}: {file.problem.detail}" for file in files[:3] if file.problem)
        raise UsageError(
            f"expected images below {root}, found none ({details or 'it is empty'}). Accepted are:\n{ACCEPTED_SOURCES}"
        )
    if labels:
        return _label_by_file(files, Path(labels))
    if not any("/" in file.name for file in usable):
        hint = " These look like ILSVRC2012's: give --labels." if VALIDATION.match(usable[0].stem) else ""
        raise UsageError(
            f"expected class folders in {root}, found {len(usable):,} images outside of class folders "
            f"(first: {usable[0].name}), which have no label.{hint} Accepted are:\n{ACCEPTED_SOURCES}"
        )
    return [_label_by_folder(file) for file in files]


def _check_suffix(file: ListedFile) -> ListedFile:
    suffix = Path(file.name).suffix
    if file.problem or suffix.lower() in SUFFIXES:
        return file
    if suffix.lower() in UNSUPPORTED_SUFFIXES:
        problem = FileProblem(DropReason.FORMAT_UNSUPPORTED, f"'{suffix}' is not read: convert it to PNG or JPEG")
    else:
        detail = f"'{suffix}' is not a suffix of an image" if suffix else "no suffix"
        problem = FileProblem(DropReason.OTHER_FILE, detail)
    return dataclasses.replace(file, problem=problem)


def _label_by_folder(file: ListedFile) -> LabelledFile:
    folder, inside, _ = file.name.partition("/")
    return LabelledFile(file, folder if inside else "", label_problem="" if inside else "not in a class folder")


def _label_by_file(files: Iterable[ListedFile], labels: Path) -> list[LabelledFile]:
    label_of = read_labels(labels)

    def label_file(file: ListedFile) -> LabelledFile:
        found = label_of(file.stem)
        others = (*(OtherLabel(text, labels.name) for text in found.others), *_folder_label(file.name))
        return LabelledFile(file, found.label, label_problem=found.problem, other_labels=others)

    return [label_file(file) for file in files]


def _folder_label(name: str) -> tuple[OtherLabel, ...]:
    folder = PurePath(name).parent.name
    return (OtherLabel(folder, "its folder"),) if folder else ()


def _from_csv(path: Path) -> list[LabelledFile]:
    folder, finder = path.parent.absolute(), PathFinder()
    files = []
    for line, cells in read_text_table(path, ("path", "label"), None):
        if not cells["path"]:
            raise UsageError(f"{path}, line {line}: expected a path, found an empty cell")
        name = os.path.normpath(cells["path"]).replace(os.sep, "/")
        label_problem = "" if cells["label"] else f"no label on line {line} of {path.name}"
        file = stat_file(name, str(finder.find(folder / cells["path"])))
        others = _folder_label(name)
        files.append(LabelledFile(file, cells["label"], cells.get("split", ""), label_problem, others))
    if not files:
        raise UsageError(f"{path}: expected one image per line, found none below the header")
    return sorted(files, key=lambda item: item.file.name)
