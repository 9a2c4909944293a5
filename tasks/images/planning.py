"""Plan an index: the key and the class of each listed file, and its box file. Opens no image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from reground.tasks.errors import UsageError
from reground.tasks.images.box_finder import BoxFinder
from reground.tasks.images.image_ids import path_id, stem_id
from reground.tasks.images.labels import LabelError, class_by_name, label_index, resolve_label
from reground.tasks.images.listed_file import FileProblem, ListedFile
from reground.tasks.images.settings import IndexSettings
from reground.tasks.images.sources import LabelledFile, list_source
from reground.tasks.schema import ClassIdx, ClassRow, DroppedRow, DropReason, ImageId, dropped_row
from reground.tasks.storage import is_url
from reground.tasks.workspace import digest

BYTES_PER_PIXEL: Final = 8
"""Upper bound: four channels of 16 bits, uncompressed."""
HEADROOM: Final = 1_000_000
"""Bytes that a file may have in addition to its pixels."""


class FileArgs(TypedDict):
    """A file to index.

    ``box`` is the URI of its box file or empty, ``box_problem`` the reason for having none; ``label_conflict``
    says which other class is named for it, or is empty.
    """

    uri: str
    image_id: ImageId
    class_idx: ClassIdx
    wnid: str
    split: str
    box: str
    box_problem: str
    label_conflict: str


@dataclass(frozen=True)
class IndexItem:
    """The files with one image_id, in order, or the row of ``dropped`` of a file that is not indexed.

    Attributes:
        key: the image_id, or the name of a dropped file; decides the shard.
        stamp: changes when one of the files changes.
        files: the first that can be decoded is indexed.
        drop: the row, if it is dropped without being opened.
    """

    key: str
    stamp: str
    files: tuple[FileArgs, ...] = ()
    drop: DroppedRow | None = None

    @property
    def size(self) -> int:
        """Files in it."""
        return max(1, len(self.files))


def plan_items(settings: IndexSettings, classes: Sequence[ClassRow], skip: Sequence[str]) -> list[IndexItem]:
    """Every file of the source, sorted by name; files with the same image_id are at the place of the first.

    Args:
        settings: of the step, with every path.
        classes: rows of ``classes``.
        skip: files and folders to leave out.

    Raises:
        UsageError: there is nothing to index; the message lists the accepted sources.
    """
    files = _without_boxes(list_source(settings.images, settings.labels, skip), settings.boxes)
    labels = {item.label for item in files if item.label}
    _check_zero_based(labels, classes)
    boxes = BoxFinder(settings.boxes, [item.file for item in files if item.file.problem is None])
    items = [dropped_item(entry, DropReason.UNREADABLE, _detail(entry)) for entry in boxes.unlistable]
    place_of: dict[ImageId, int] = {}
    for item in _Planner(settings, classes, labels, boxes).plan(files):
        place = place_of.setdefault(item.files[0]["image_id"], len(items)) if item.files else len(items)
        if place == len(items):
            items.append(item)
        else:
            items[place] = _joined(items[place], item)
    return items


def dropped_item(entry: ListedFile, reason: DropReason, detail: str) -> IndexItem:
    """A file that is dropped without being opened."""
    return IndexItem(entry.name, entry.stamp, drop=dropped_row("index", entry.uri, reason, detail))


class _Planner:
    """Resolves labels, keys and box files.

    Args:
        settings: of the step.
        classes: rows of ``classes``.
        labels: every label of the source, as text.
        boxes: finds the box files.
    """

    def __init__(
        self, settings: IndexSettings, classes: Sequence[ClassRow], labels: Iterable[str], boxes: BoxFinder
    ) -> None:
        self.settings, self.boxes = settings, boxes
        self.index = label_index(classes)
        self.resolutions = {label: self._resolve(label) for label in labels}
        self.classes = {row["class_idx"]: row for row in classes}
        # Boxes are compared with the classes by name.
        self.classes_digest = digest(repr(classes))

    def plan(self, files: Iterable[LabelledFile]) -> Iterator[IndexItem]:
        max_bytes = BYTES_PER_PIXEL * self.settings.max_pixels + HEADROOM
        for item in files:
            entry, class_idx = item.file, self.resolutions.get(item.label)
            if entry.problem:
                yield dropped_item(entry, entry.problem.reason, entry.problem.detail)
            elif entry.size > max_bytes:
                limit = f"an image of {self.settings.max_pixels:,} pixels can have"
                yield dropped_item(entry, DropReason.TOO_LARGE, f"{entry.size:,} bytes: more than {limit}")
            elif class_idx is None:
                yield dropped_item(entry, DropReason.LABEL_MISSING, item.label_problem)
            elif isinstance(class_idx, str):
                yield dropped_item(entry, DropReason.LABEL_UNKNOWN, class_idx)
            else:
                yield self._item(item, class_idx)

    def _item(self, item: LabelledFile, class_idx: ClassIdx) -> IndexItem:
        entry, box = item.file, self.boxes.find(item.file)
        file: FileArgs = {
            "uri": entry.uri,
            "image_id": (stem_id if self.settings.ids == "stem" else path_id)(entry.name),
            "class_idx": class_idx,
            "wnid": next(iter(self.classes[class_idx]["wnids"]), ""),
            "split": item.split or self.settings.split,
            "box": box.uri if isinstance(box, ListedFile) else "",
            "box_problem": box.detail if isinstance(box, FileProblem) else "",
            "label_conflict": self._conflict(item, class_idx),
        }
        box_stamps = [box.stamp, self.classes_digest] if isinstance(box, ListedFile) else [""]
        return IndexItem(file["image_id"], digest(entry.name, entry.stamp, *box_stamps), (file,))

    def _conflict(self, item: LabelledFile, class_idx: ClassIdx) -> str:
        conflicts = [
            f"{other.place} names {self._name(other_idx)}"
            for other in item.other_labels
            if (other_idx := class_by_name(other.text, self.index)) not in (None, class_idx)
        ]
        return f"labelled {self._name(class_idx)}, but {'; '.join(conflicts)}" if conflicts else ""

    def _name(self, class_idx: ClassIdx | None) -> str:
        row = self.classes[class_idx] if class_idx is not None else None
        return f"{row['class_idx']} ({row['name']})" if row else ""

    def _resolve(self, label: str) -> ClassIdx | str:
        """The class of a label, or the reason why it has none."""
        try:
            return resolve_label(label, self.index)
        except LabelError as error:
            return str(error)


def _joined(first: IndexItem, other: IndexItem) -> IndexItem:
    return dataclasses.replace(first, stamp=digest(first.stamp, other.stamp), files=(*first.files, *other.files))


def _detail(entry: ListedFile) -> str:
    return entry.problem.detail if entry.problem else ""


def _without_boxes(files: Iterable[LabelledFile], boxes: str) -> list[LabelledFile]:
    """Without the box files, which may be in the folder of the images."""
    folder = boxes.rstrip("/") if is_url(boxes) else str(Path(boxes).absolute()) if boxes else None

    def is_box(entry: ListedFile) -> bool:
        return folder is not None and entry.uri.startswith(f"{folder}/") and entry.name.lower().endswith(".xml")

    return [item for item in files if not is_box(item.file)]


def _check_zero_based(labels: Iterable[str], classes: Sequence[ClassRow]) -> None:
    """Reject labels that count from 1: all but the last would be off by one."""
    numbers = {int(label) if label.isascii() and label.isdigit() and len(label) < 10 else -1 for label in labels}
    count = len(classes)
    if classes[-1]["class_idx"] == count - 1 and numbers and min(numbers) >= 1 and max(numbers) == count:
        raise UsageError(
            f"expected class indices from 0 to {count - 1}, got labels up to {count} and no 0: they count from 1. "
            "For ILSVRC2012_IDs give the devkit with --labels; otherwise subtract 1 or use WordNet ids."
        )
