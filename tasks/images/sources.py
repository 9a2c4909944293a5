"""Where labelled images come from (class folders, a flat ILSVRC2012 ``val`` with its devkit, a CSV), and their boxes.

Each source lists its files and the text of each one's label; nothing is decoded, and no label is
looked up in a vocabulary yet.
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
from reground.tasks.workspace import read_csv

KINDS: Final = """\
  - a folder with one folder of images a class, named by WordNet id, class name or index;
  - a flat ILSVRC2012 val, with --labels DEVKIT (the folder with data/meta.mat and
    data/ILSVRC2012_validation_ground_truth.txt, or that ground truth with meta.mat beside it);
  - a CSV with the columns path (relative to the CSV) and label, and if wanted split."""
GROUND_TRUTH: Final = "ILSVRC2012_validation_ground_truth.txt"
META: Final = "meta.mat"

_VALIDATION: Final = re.compile(r"ILSVRC2012_val_(\d{8})", re.ASCII)


@dataclass(frozen=True)
class LabelledFile:
    """A file and what its source says of it.

    Attributes:
        found: the file.
        label: text that names its class; empty: the source gives none.
        split: the source's own, or empty.
        why: if there is no label, why.
    """

    found: ListedFile
    label: str
    split: str = ""
    why: str = ""


def list_source(images: str, labels: str = "", skip: Collection[Path] = ()) -> list[LabelledFile]:
    """The files of a source with their labels, by name.

    Args:
        images: a folder, or a CSV.
        labels: the devkit of ILSVRC2012, for a flat ``val``; empty: labels are in the source.
        skip: files and folders that are no images though they may lie among them.

    Raises:
        UsageError: none of the sources, nothing in it, or a devkit that cannot be read.
    """
    check_source(images, labels)
    path = Path(images)
    return _from_folder(path, labels, skip) if path.is_dir() else _from_csv(path)


def check_source(images: str, labels: str = "") -> None:
    """Check what `list_source` is given, as far as it shows before anything is listed.

    Raises:
        UsageError: none of the sources.
    """
    path = Path(images)
    if not images or not path.exists():
        raise UsageError(f"expected images at '{images}', found nothing there. Images are:\n{KINDS}")
    if path.is_dir():
        return
    if path.suffix.lower() != ".csv":
        raise UsageError(f"expected a folder or a .csv, found the file {path}. Images are:\n{KINDS}")
    if labels:
        raise UsageError(
            f"expected labels in the CSV {path} alone, got the devkit {labels} too: give --labels '' (index.labels)"
        )


def _from_folder(root: Path, labels: str, skip: Collection[Path]) -> list[LabelledFile]:
    files = [_held_against_suffix(found) for found in list_files(root, [*skip, *_devkit_files(labels)])]
    usable = [found for found in files if found.problem is None]
    if not usable:
        seen = "; ".join(f"{found.name}: {found.problem.detail}" for found in files[:3] if found.problem)
        raise UsageError(f"expected images below {root}, found none ({seen or 'it is empty'}). Images are:\n{KINDS}")
    if labels:
        return _with_devkit(files, Path(labels))
    if not any("/" in found.name for found in usable):
        hint = " These look like ILSVRC2012's: give --labels." if _VALIDATION.match(usable[0].stem) else ""
        raise UsageError(
            f"expected class folders in {root}, found {len(usable):,} images without (first: {usable[0].name}), "
            f"so nothing says what they show.{hint} Images are:\n{KINDS}"
        )
    return [_in_class_folder(found) for found in files]


def _held_against_suffix(found: ListedFile) -> ListedFile:
    suffix = Path(found.name).suffix
    if found.problem or suffix.lower() in SUFFIXES:
        return found
    what = f"'{suffix}' is no suffix of an image" if suffix else "no suffix"
    return ListedFile(found.name, found.uri, found.stamp, found.size, FileProblem(DropReason.NOT_AN_IMAGE, what))


def _in_class_folder(found: ListedFile) -> LabelledFile:
    folder, inside, _ = found.name.partition("/")
    return LabelledFile(found, folder if inside else "", why="" if inside else "lies in no class folder")


# ILSVRC2012's devkit


def _with_devkit(files: Iterable[ListedFile], devkit: Path) -> list[LabelledFile]:
    wnids = read_ground_truth(devkit)

    def labelled(found: ListedFile) -> LabelledFile:
        number = _VALIDATION.fullmatch(found.stem)
        if number is None:
            return LabelledFile(
                found, "", why="not called ILSVRC2012_val_ and eight digits, so the devkit has no line for it"
            )
        line = int(number[1])
        if not 1 <= line <= len(wnids):
            return LabelledFile(found, "", why=f"number {line}, but the ground truth has {len(wnids):,} lines")
        return LabelledFile(found, wnids[line - 1])

    return [labelled(found) for found in files]


def read_ground_truth(devkit: Path) -> list[str]:
    """The WordNet id of each validation image; the first is that of ``ILSVRC2012_val_00000001``.

    The ground truth counts classes by ILSVRC2012_ID, which is *not* the index of the sorted
    WordNet ids; ``meta.mat`` tells the WordNet id of each.

    Args:
        devkit: the devkit's folder, its ``data`` folder, or the ground truth with ``meta.mat`` beside it.

    Raises:
        UsageError: a file is missing or malformed; names it, and the line.
    """
    candidates = [devkit, devkit / GROUND_TRUTH, devkit / "data" / GROUND_TRUTH]
    truth = next((path for path in candidates if path.is_file()), None)
    if truth is None:
        raise UsageError(
            f"expected ILSVRC2012's devkit at {devkit}, found no {GROUND_TRUTH} there or in its folder data"
        )
    wnid_of = _read_meta(truth.parent / META)
    try:
        lines = truth.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"expected one class number a line in {truth}, but it cannot be read: {error}") from error
    while lines and not lines[-1].strip():
        lines.pop()
    return [_wnid(truth, number, text.strip(), wnid_of) for number, text in enumerate(lines, 1)]


def _devkit_files(labels: str) -> list[Path]:
    """The devkit, and its files wherever they may lie: any of them may lie among the images."""
    folders = [Path(labels), Path(labels) / "data", Path(labels).parent] if labels else []
    return [*folders[:1], *(folder / name for folder in folders for name in (GROUND_TRUTH, META))]


def _wnid(truth: Path, line: int, text: str, wnid_of: dict[int, str]) -> str:
    if not text.isdigit() or int(text) not in wnid_of:
        raise UsageError(
            f"{truth}, line {line}: expected an ILSVRC2012_ID of meta.mat "
            f"({min(wnid_of)} to {max(wnid_of)}), found '{text[:40]}'"
        )
    return wnid_of[int(text)]


def _read_meta(path: Path) -> dict[int, str]:
    from scipy.io import loadmat

    try:
        synsets: Any = loadmat(str(path), squeeze_me=True)["synsets"]
        leaves = synsets[synsets["num_children"] == 0]
        wnid_of = {int(i): str(wnid) for i, wnid in zip(leaves["ILSVRC2012_ID"], leaves["WNID"], strict=True)}
    except Exception as error:  # scipy raises whatever it trips over in a damaged file
        raise UsageError(
            f"expected ILSVRC2012's meta.mat (a table 'synsets' with ILSVRC2012_ID, WNID and num_children) "
            f"at {path}, but it cannot be read: {type(error).__name__}: {error}"
        ) from error
    if not wnid_of:
        raise UsageError(f"{path}: expected classes without children in 'synsets', found none")
    return wnid_of


# A CSV


def _from_csv(path: Path) -> list[LabelledFile]:
    folder = path.parent.absolute()
    listed = []
    for line, cells in read_csv(path, ("path", "label"), None):
        if not cells["path"]:
            raise UsageError(f"{path}, line {line}: expected a path, found an empty cell")
        name = os.path.normpath(cells["path"]).replace(os.sep, "/")
        why = "" if cells["label"] else f"no label on line {line} of {path.name}"
        found = stat_file(name, str(folder / cells["path"]))
        listed.append(LabelledFile(found, cells["label"], cells.get("split", ""), why))
    if not listed:
        raise UsageError(f"{path}: expected one image a line, found none below the header")
    return sorted(listed, key=lambda item: item.found.name)


# Boxes


class BoxFinder:
    """Box files by the stem of their image, in one folder or in class folders.

    Attributes:
        closed: folders that cannot be listed.
    """

    def __init__(self, folder: str, images: Iterable[ListedFile]) -> None:
        """Raises:
        UsageError: no such folder, no box file in it, or none of them has the stem of an image.
        """
        listed = list_files(Path(folder)) if folder else []
        self.closed = [found for found in listed if found.is_folder]
        self.files: dict[str, list[ListedFile]] = {}
        for found in listed:
            if found.name.lower().endswith(".xml"):
                self.files.setdefault(found.stem, []).append(found)
        self.images = Counter(image.stem for image in images)
        if folder and not self.files.keys() & self.images.keys():
            first = next(iter(self.files), None)
            raise UsageError(
                f"expected box files below {folder}, called like their images (NAME.xml for NAME.JPEG); "
                + (f"found {len(self.files):,} of other names (first: {first}.xml)" if first else "found no .xml there")
            )

    def find(self, image: ListedFile) -> ListedFile | FileProblem | None:
        """The image's box file; none; or why it is not clear which."""
        files = self.files.get(image.stem, [])
        if len(files) == 1 and self.images[image.stem] == 1:
            return files[0]
        beside = PurePath(image.name).with_suffix("")
        same_place = [found for found in files if PurePath(found.name).with_suffix("") == beside]
        if len(same_place) == 1:
            return same_place[0]
        if not files:
            return None
        names = ", ".join(found.name for found in files[:3])
        return FileProblem(
            DropReason.BOX_FILE_INVALID,
            f"{self.images[image.stem]} images and {len(files)} box files ({names}) are called {image.stem}, "
            f"and none lies at {beside}.xml",
        )
