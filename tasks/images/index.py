"""Step ``index``: labelled images -> the tables ``images``, ``classes``, ``dropped``.

Each listed file becomes a row of ``images`` or of ``dropped``. An image with an invalid box file keeps its
row in ``images``, without boxes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import pandas as pd

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images.boxes import MAX_BYTES, Box, BoxError, parse_boxes, place_boxes
from reground.tasks.images.classes import LabelError, label_index, load_classes, resolve_label
from reground.tasks.images.decode import DecodedImage, ImageError, decode
from reground.tasks.images.listing import FileProblem, ListedFile
from reground.tasks.images.settings import IndexSettings, faults
from reground.tasks.images.sources import BoxFinder, LabelledFile, list_source
from reground.tasks.schema import ClassIdx, ClassRow, DroppedRow, DropReason, ImageId, ImageRow, dropped_row
from reground.tasks.workspace import Output, Shard, Step, Workspace, digest

BYTES_PER_PIXEL: Final = 8
"""Upper bound: four channels of 16 bits, uncompressed."""
HEADROOM: Final = 1_000_000
"""Bytes that a file may have in addition to its pixels."""
BOX_REASONS: Final = (DropReason.BOX_FILE_INVALID, DropReason.BOX_OUTSIDE_IMAGE, DropReason.BOX_SIZE_MISMATCH)
"""Reasons that concern a box file; the image itself is indexed."""


class FileArgs(TypedDict):
    """A file to index; ``box`` is the URI of its box file or empty, ``box_problem`` the reason for having none."""

    uri: str
    image_id: ImageId
    class_idx: ClassIdx
    wnid: str
    split: str
    box: str
    box_problem: str


@dataclass(frozen=True)
class IndexItem:
    """A listed file: the arguments for indexing it, or its row of ``dropped``."""

    stamp: str
    file: FileArgs | None = None
    drop: DroppedRow | None = None


def plan(workspace: Workspace, settings: IndexSettings) -> list[Shard]:
    """One shard for the vocabulary, and one for every ``shard_size`` files.

    Raises:
        UsageError: there is nothing to index; the message lists the accepted sources.
    """
    classes = load_classes(settings.classes)
    skip = [Path(settings.classes)] if settings.classes else []
    skip += [Path(workspace.root)] if workspace.is_local else []
    files = _without_boxes(list_source(settings.images, settings.labels, skip), settings.boxes)
    items = list(_plan_files(files, classes, settings))
    vocabulary = Shard("classes", (digest(json.dumps(classes)),), size=0)
    starts = range(0, len(items), settings.shard_size)
    return [vocabulary, *(_shard(n, items[start : start + settings.shard_size]) for n, start in enumerate(starts))]


def work(workspace: Workspace, settings: IndexSettings, shard: Shard) -> Output:
    """Read each file of a shard once: hash it, decode it completely, map its boxes to the upright image."""
    if shard.id == "classes":
        return Output({"classes": load_classes(settings.classes)})
    images: list[ImageRow] = []
    drops: list[DroppedRow] = list(shard.args["drops"])
    for file in shard.args["files"]:
        try:
            row, box_drops = _index(file, settings.max_pixels)
        except ImageError as error:
            drops.append(_drop(file["uri"], error.reason, error.detail))
        else:
            images.append(row)
            drops.extend(box_drops)
    return Output({"images": images, "dropped": drops} if images else {"dropped": drops})


def finalize(workspace: Workspace, settings: IndexSettings) -> None:
    """Check the share of dropped files after the last shard.

    Raises:
        RegroundError: it exceeds ``max_dropped``; the message counts the files by reason.
    """
    files = dropped_files(workspace.read("dropped"))
    indexed = sum(part.rows for _, part in workspace.parts("images"))
    if indexed and len(files) <= settings.max_dropped * (indexed + len(files)):
        return
    counts = Counter(files["reason"])
    first = files.drop_duplicates("reason").set_index("reason")
    lines = [
        f"  {count:,} {reason}; first: {first.at[reason, 'item']}: {first.at[reason, 'detail']}"
        for reason, count in counts.most_common()
    ]
    raise RegroundError(
        f"{len(files):,} of {indexed + len(files):,} files were dropped, more than the share of "
        f"{settings.max_dropped:g} (index.max_dropped):\n"
        + "\n".join(lines)
        + f"\nAll: `reground table dropped -w {workspace.shell_url} --to "
        "dropped.csv`. Fix the files or raise the limit, then run it again."
    )


def dropped_files(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``dropped`` for whole files; with ``images`` they cover every listed file."""
    is_box_row = rows["reason"].isin(list(BOX_REASONS))
    return rows[(rows["stage"] == STEP.name) & ~is_box_row & ~rows["item"].str.endswith("/")]


# Planning


def _without_boxes(files: Iterable[LabelledFile], boxes: str) -> list[LabelledFile]:
    """Without the box files, which may be in the folder of the images."""
    folder = f"{Path(boxes).absolute()}/" if boxes else None

    def is_box(entry: ListedFile) -> bool:
        return folder is not None and entry.uri.startswith(folder) and entry.name.lower().endswith(".xml")

    return [item for item in files if not is_box(item.file)]


def _plan_files(
    files: Sequence[LabelledFile], classes: Sequence[ClassRow], settings: IndexSettings
) -> Iterator[IndexItem]:
    index = label_index(classes)
    labels = {item.label for item in files if item.label}
    _check_zero_based(labels, classes)
    resolutions = {label: _resolve(label, index) for label in labels}
    wnid_of = {row["class_idx"]: next(iter(row["wnids"]), "") for row in classes}
    boxes = BoxFinder(settings.boxes, [item.file for item in files if item.file.problem is None])
    image_ids = ImageIds(settings.ids)
    for entry in boxes.unlistable:
        yield _dropped_item(entry, DropReason.UNREADABLE, entry.problem.detail if entry.problem else "")
    for item in files:
        entry, class_idx = item.file, resolutions.get(item.label)
        if entry.problem:
            yield _dropped_item(entry, entry.problem.reason, entry.problem.detail)
        elif entry.size > BYTES_PER_PIXEL * settings.max_pixels + HEADROOM:
            yield _dropped_item(entry, DropReason.TOO_LARGE, f"{entry.size:,} bytes: more than {_limit(settings)}")
        elif class_idx is None:
            yield _dropped_item(entry, DropReason.LABEL_MISSING, item.label_problem)
        elif isinstance(class_idx, str):
            yield _dropped_item(entry, DropReason.LABEL_UNKNOWN, class_idx)
        elif (conflict := image_ids.claim(entry)) is not None:
            yield _dropped_item(entry, DropReason.DUPLICATE_ID, conflict)
        else:
            box = boxes.find(entry)
            file: FileArgs = {
                "uri": entry.uri,
                "image_id": image_ids.image_id(entry),
                "class_idx": class_idx,
                "wnid": wnid_of[class_idx],
                "split": item.split or settings.split,
                "box": box.uri if isinstance(box, ListedFile) else "",
                "box_problem": box.detail if isinstance(box, FileProblem) else "",
            }
            stamps = [entry.stamp, box.stamp if isinstance(box, ListedFile) else ""]
            yield IndexItem(digest(entry.name, *stamps), file=file)


def _resolve(label: str, index: Mapping[str, set[ClassIdx]]) -> ClassIdx | str:
    """The class of a label, or the reason why it has none."""
    try:
        return resolve_label(label, index)
    except LabelError as error:
        return str(error)


def _check_zero_based(labels: Iterable[str], classes: Sequence[ClassRow]) -> None:
    """Reject labels that count from 1: all but the last would be off by one."""
    numbers = {int(label) if label.isascii() and label.isdigit() and len(label) < 10 else -1 for label in labels}
    count = len(classes)
    if classes[-1]["class_idx"] == count - 1 and numbers and min(numbers) >= 1 and max(numbers) == count:
        raise UsageError(
            f"expected class indices from 0 to {count - 1}, got labels up to {count} and no 0: they count from 1. "
            "For ILSVRC2012_IDs give the devkit with --labels; otherwise subtract 1 or use WordNet ids."
        )


class ImageIds:
    """The image_id of each file, and the first file that claims it."""

    def __init__(self, ids: str) -> None:
        self.ids = ids
        self.first_file: dict[str, str] = {}
        self.count: Counter[str] = Counter()

    def image_id(self, entry: ListedFile) -> ImageId:
        """``a/b/c.jpg`` -> ``c`` (ids by stem) or ``a__b__c`` (ids by path)."""
        if self.ids == "stem":
            return ImageId(entry.stem)
        return ImageId(str(Path(entry.name).with_suffix("")).lstrip("/").replace("/", "__"))

    def claim(self, entry: ListedFile) -> str | None:
        """Claim the file's image_id; return the conflict if another file has it, else None."""
        image_id = self.image_id(entry)
        self.count[image_id] += 1
        if self.first_file.setdefault(image_id, entry.name) == entry.name and self.count[image_id] == 1:
            return None
        other = "" if self.ids == "path" else "; to keep both, give --ids path"
        return (
            f"file {self.count[image_id]} with the image_id '{image_id}', which {self.first_file[image_id]} has{other}"
        )


def _shard(number: int, items: Sequence[IndexItem]) -> Shard:
    files = [item.file for item in items if item.file]
    drops = [item.drop for item in items if item.drop]
    return Shard(f"{number:05d}", tuple(item.stamp for item in items), {"files": files, "drops": drops}, len(items))


def _dropped_item(entry: ListedFile, reason: DropReason, detail: str) -> IndexItem:
    return IndexItem(entry.stamp, drop=_drop(entry.uri, reason, detail))


def _drop(item: str, reason: DropReason, detail: str) -> DroppedRow:
    return dropped_row("index", item, reason, detail)


def _limit(settings: IndexSettings) -> str:
    return f"an image of {settings.max_pixels:,} pixels can have"


# Working


def _index(file: FileArgs, max_pixels: int) -> tuple[ImageRow, list[DroppedRow]]:
    """The row of one image, and the ``dropped`` rows of its box file."""
    try:
        content = Path(file["uri"]).read_bytes()
    except OSError as error:
        raise ImageError(DropReason.UNREADABLE, error.strerror or str(error)) from error
    picture = decode(content, max_pixels)
    width, height = picture.size
    row: ImageRow = {
        "image_id": file["image_id"],
        "uri": file["uri"],
        "class_idx": file["class_idx"],
        "wnid": file["wnid"],
        "width": width,
        "height": height,
        "mode": picture.mode,
        "sha256": hashlib.sha256(content).hexdigest(),
        "boxes": [],
        "split": file["split"],
    }
    try:
        row["boxes"] = [box.to_dict() for box in _boxes(file, picture)]
    except BoxError as error:
        location = f" ({file['box']})" if file["box"] else ""
        return row, [_drop(file["image_id"], error.reason, error.detail + location)]
    return row, []


def _boxes(file: FileArgs, picture: DecodedImage) -> list[Box]:
    if file["box_problem"]:
        raise BoxError(DropReason.BOX_FILE_INVALID, file["box_problem"])
    if not file["box"]:
        return []
    try:
        with Path(file["box"]).open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise BoxError(DropReason.BOX_FILE_INVALID, error.strerror or str(error)) from error
    return place_boxes(parse_boxes(content), picture.orientation, picture.stored_size, picture.size)


STEP: Final = Step(
    name="index",
    version=1,
    settings=IndexSettings,
    plan=plan,
    work=work,
    check=faults,
    conflicts_with=("imagenet9",),
    finalize=finalize,
    execution_only=frozenset({"max_dropped", "shard_size"}),
)
