"""List labelled images from class folders, a flat folder with a label file, or a list.

A source lists its files and their labels as text. Images are not decoded here, and labels are not resolved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.images.formats import SUFFIXES, UNSUPPORTED_SUFFIXES
from reground.tasks.images.image_list import LISTS, is_list, read_list
from reground.tasks.images.kaggle import SOLUTION_COLUMNS
from reground.tasks.images.label_files import VALIDATION, label_file_paths, read_labels
from reground.tasks.images.labelled_file import LabelledFile, OtherLabel, folder_label
from reground.tasks.images.listed_file import FileProblem, ListedFile
from reground.tasks.images.listing import list_files
from reground.tasks.schema import DropReason
from reground.tasks.storage import is_url

ACCEPTED_SOURCES: Final = """\
  - a folder with one folder of images per class, named by WordNet id, class name or index;
  - ILSVRC as Kaggle distributes it: the folder with ILSVRC and LOC_val_solution.csv;
  - a flat ILSVRC2012 val, with --labels LOC_val_solution.csv or --labels DEVKIT (the folder with
    data/meta.mat and data/ILSVRC2012_validation_ground_truth.txt, or that file with meta.mat in the same folder);
  - a CSV or Parquet file with the columns path (relative to the file, or a URL) and label, and optionally split;
  - a folder of class folders, or such a file, in an object store: s3://BUCKET/FOLDER, gs://, az://."""


def list_source(images: str, labels: str = "", skip: Collection[str] = ()) -> list[LabelledFile]:
    """List the files of a source with their labels, sorted by name.

    Args:
        images: a folder, or a CSV or Parquet file; the path or URL of it.
        labels: a label file, for a flat folder; empty: the source has the labels.
        skip: files and folders to leave out.

    Raises:
        UsageError: not an accepted source, an empty one, or a label file that cannot be read.
        RegroundError: an object store cannot be reached, or refuses to answer.
    """
    check_source(images, labels)
    return read_list(images) if is_list(images) else _from_folder(images, labels, skip)


def check_source(images: str, labels: str = "") -> None:
    """Check the arguments of `list_source` without listing anything.

    Raises:
        UsageError: not an accepted source.
    """
    path = Path(images)
    if is_url(images):
        _refuse_labels(images, labels)
        return  # the store is asked when its objects are listed
    if not images or not path.exists():
        raise UsageError(f"expected images at '{images}', found nothing there. Accepted are:\n{ACCEPTED_SOURCES}")
    if path.is_dir():
        return
    if path.suffix.lower() not in LISTS:
        raise UsageError(
            f"expected a folder or a {' or '.join(LISTS)}, found the file {path}. Accepted are:\n{ACCEPTED_SOURCES}"
        )
    _refuse_labels(images, labels)
    _refuse_solution(path)


def _refuse_labels(images: str, labels: str) -> None:
    if labels and is_list(images):
        raise UsageError(
            f"expected labels only in the list {images}, got the label file {labels} too: "
            "give --labels '' (index.labels)"
        )


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


def _from_folder(root: str, labels: str, skip: Collection[str]) -> list[LabelledFile]:
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
        others = (*(OtherLabel(text, labels.name) for text in found.others), *folder_label(file.name))
        return LabelledFile(file, found.label, label_problem=found.problem, other_labels=others)

    return [label_file(file) for file in files]
