"""List labelled images from class folders, a flat ILSVRC2012 ``val`` with its devkit, or a CSV, and find their boxes.

A source lists its files and their labels as text. Images are not decoded here, and labels are not resolved.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.images.decode import SUFFIXES
from reground.tasks.images.listing import FileProblem, ListedFile, list_files, stat_file
from reground.tasks.schema import DropReason
from reground.tasks.tabular import read_text_table

ACCEPTED_SOURCES: Final = """\
  - a folder with one folder of images per class, named by WordNet id, class name or index;
  - a flat ILSVRC2012 val, with --labels DEVKIT (the folder with data/meta.mat and
    data/ILSVRC2012_validation_ground_truth.txt, or that file with meta.mat in the same folder);
  - a CSV with the columns path (relative to the CSV) and label, and optionally split."""
GROUND_TRUTH: Final = "ILSVRC2012_validation_ground_truth.txt"
META: Final = "meta.mat"

_VALIDATION: Final = re.compile(r"ILSVRC2012_val_(\d{8})", re.ASCII)


@dataclass(frozen=True)
class LabelledFile:
    """A file with its label and split.

    Attributes:
        file: the file.
        label: as text, not resolved yet; empty: the source has none.
        split: name of the split; empty: the source has none.
        label_problem: why there is no label; empty: there is one.
    """

    file: ListedFile
    label: str
    split: str = ""
    label_problem: str = ""


def list_source(images: str, labels: str = "", skip: Collection[Path] = ()) -> list[LabelledFile]:
    """List the files of a source with their labels, sorted by name.

    Args:
        images: a folder, or a CSV.
        labels: the ILSVRC2012 devkit, for a flat ``val``; empty: the source has the labels.
        skip: files and folders to leave out.

    Raises:
        UsageError: not an accepted source, an empty one, or a devkit that cannot be read.
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
            f"expected labels only in the CSV {path}, got the devkit {labels} too: give --labels '' (index.labels)"
        )


def _from_folder(root: Path, labels: str, skip: Collection[Path]) -> list[LabelledFile]:
    files = [_check_suffix(file) for file in list_files(root, [*skip, *_devkit_files(labels)])]
    usable = [file for file in files if file.problem is None]
    if not usable:
        details = "; ".join(f"{file.name}: {file.problem.detail}" for file in files[:3] if file.problem)
        raise UsageError(
            f"expected images below {root}, found none ({details or 'it is empty'}). Accepted are:\n{ACCEPTED_SOURCES}"
        )
    if labels:
        return _label_by_devkit(files, Path(labels))
    if not any("/" in file.name for file in usable):
        hint = " These look like ILSVRC2012's: give --labels." if _VALIDATION.match(usable[0].stem) else ""
        raise UsageError(
            f"expected class folders in {root}, found {len(usable):,} images outside of class folders "
            f"(first: {usable[0].name}), which have no label.{hint} Accepted are:\n{ACCEPTED_SOURCES}"
        )
    return [_label_by_folder(file) for file in files]


def _check_suffix(file: ListedFile) -> ListedFile:
    suffix = Path(file.name).suffix
    if file.problem or suffix.lower() in SUFFIXES:
        return file
    detail = f"'{suffix}' is not a suffix of an image" if suffix else "no suffix"
    return ListedFile(file.name, file.uri, file.stamp, file.size, FileProblem(DropReason.NOT_AN_IMAGE, detail))


def _label_by_folder(file: ListedFile) -> LabelledFile:
    folder, inside, _ = file.name.partition("/")
    return LabelledFile(file, folder if inside else "", label_problem="" if inside else "not in a class folder")


# ILSVRC2012's devkit


def _label_by_devkit(files: Iterable[ListedFile], devkit: Path) -> list[LabelledFile]:
    wnids = read_ground_truth(devkit)

    def label_file(file: ListedFile) -> LabelledFile:
        number = _VALIDATION.fullmatch(file.stem)
        if number is None:
            return LabelledFile(
                file, "", label_problem="not named ILSVRC2012_val_ and eight digits, so the devkit has no label for it"
            )
        line = int(number[1])
        if not 1 <= line <= len(wnids):
            return LabelledFile(file, "", label_problem=f"number {line}, but the ground truth has {len(wnids):,} lines")
        return LabelledFile(file, wnids[line - 1])

    return [label_file(file) for file in files]


def read_ground_truth(devkit: Path) -> list[str]:
    """Read the WordNet id of each validation image, from ``ILSVRC2012_val_00000001`` on.

    The ground truth gives an ILSVRC2012_ID, which is *not* the index of the sorted WordNet ids;
    ``meta.mat`` maps it to the WordNet id.

    Args:
        devkit: the devkit folder, its ``data`` folder, or the ground truth with ``meta.mat`` in the same folder.

    Raises:
        UsageError: a file is missing or malformed; the message gives the file and the line.
    """
    candidates = [devkit, devkit / GROUND_TRUTH, devkit / "data" / GROUND_TRUTH]
    ground_truth = next((path for path in candidates if path.is_file()), None)
    if ground_truth is None:
        raise UsageError(
            f"expected the ILSVRC2012 devkit at {devkit}, found no {GROUND_TRUTH} there or in its folder data"
        )
    wnid_of = _read_meta(ground_truth.parent / META)
    try:
        lines = ground_truth.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"expected one ILSVRC2012_ID per line in {ground_truth}, but it cannot be read: {error}"
        ) from error
    while lines and not lines[-1].strip():
        lines.pop()
    return [_wnid(ground_truth, number, text.strip(), wnid_of) for number, text in enumerate(lines, 1)]


def _devkit_files(labels: str) -> list[Path]:
    """Every possible path of the devkit and its files, which may be in the folder of the images."""
    folders = [Path(labels), Path(labels) / "data", Path(labels).parent] if labels else []
    return [*folders[:1], *(folder / name for folder in folders for name in (GROUND_TRUTH, META))]


def _wnid(ground_truth: Path, line: int, text: str, wnid_of: dict[int, str]) -> str:
    if not text.isdigit() or int(text) not in wnid_of:
        raise UsageError(
            f"{ground_truth}, line {line}: expected an ILSVRC2012_ID of meta.mat "
            f"({min(wnid_of)} to {max(wnid_of)}), found '{text[:40]}'"
        )
    return wnid_of[int(text)]


def _read_meta(path: Path) -> dict[int, str]:
    from scipy.io import loadmat

    try:
        synsets: Any = loadmat(str(path), squeeze_me=True)["synsets"]
        leaves = synsets[synsets["num_children"] == 0]
        wnid_of = {int(i): str(wnid) for i, wnid in zip(leaves["ILSVRC2012_ID"], leaves["WNID"], strict=True)}
    except Exception as error:  # scipy raises exceptions of many types for a damaged file
        raise UsageError(
            f"expected ILSVRC2012 meta.mat (a table 'synsets' with ILSVRC2012_ID, WNID and num_children) "
            f"at {path}, but it cannot be read: {type(error).__name__}: {error}"
        ) from error
    if not wnid_of:
        raise UsageError(f"{path}: expected classes without children in 'synsets', found none")
    return wnid_of


# A CSV


def _from_csv(path: Path) -> list[LabelledFile]:
    folder = path.parent.absolute()
    files = []
    for line, cells in read_text_table(path, ("path", "label"), None):
        if not cells["path"]:
            raise UsageError(f"{path}, line {line}: expected a path, found an empty cell")
        name = os.path.normpath(cells["path"]).replace(os.sep, "/")
        label_problem = "" if cells["label"] else f"no label on line {line} of {path.name}"
        file = stat_file(name, str(folder / cells["path"]))
        files.append(LabelledFile(file, cells["label"], cells.get("split", ""), label_problem))
    if not files:
        raise UsageError(f"{path}: expected one image per line, found none below the header")
    return sorted(files, key=lambda item: item.file.name)


# Boxes


class BoxFinder:
    """Finds the box file of an image by its stem, in one folder or in class folders.

    Args:
        folder: of the box files; empty: there are none.
        images: the files to find boxes for.

    Attributes:
        unlistable: folders that cannot be listed.
        files: box files by stem.
        images: number of images by stem.

    Raises:
        UsageError: the folder does not exist, or has no box file with the stem of an image.
    """

    def __init__(self, folder: str, images: Iterable[ListedFile]) -> None:
        files = list_files(Path(folder)) if folder else []
        self.unlistable = [file for file in files if file.is_folder]
        self.files: dict[str, list[ListedFile]] = {}
        for file in files:
            if file.name.lower().endswith(".xml"):
                self.files.setdefault(file.stem, []).append(file)
        self.images = Counter(image.stem for image in images)
        if folder and not self.files.keys() & self.images.keys():
            first = next(iter(self.files), None)
            raise UsageError(
                f"expected box files below {folder}, named like their images (NAME.xml for NAME.JPEG), "
                + (f"found {len(self.files):,} of other names (first: {first}.xml)" if first else "found no .xml there")
            )

    def find(self, image: ListedFile) -> ListedFile | FileProblem | None:
        """The image's box file; None: it has none; a `FileProblem` if it is ambiguous."""
        files = self.files.get(image.stem, [])
        if len(files) == 1 and self.images[image.stem] == 1:
            return files[0]
        expected = PurePath(image.name).with_suffix("")
        matches = [file for file in files if PurePath(file.name).with_suffix("") == expected]
        if len(matches) == 1:
            return matches[0]
        if not files:
            return None
        names = ", ".join(file.name for file in files[:3])
        return FileProblem(
            DropReason.BOX_FILE_INVALID,
            f"{self.images[image.stem]} images and {len(files)} box files ({names}) have the stem {image.stem}, "
            f"and none is at {expected}.xml",
        )
