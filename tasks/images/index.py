"""Index: a folder of labelled images -> ``images``, ``classes``, ``dropped``.

Every listed file becomes a row of ``images`` or of ``dropped``. What is wrong with a box file
costs the image its boxes, never its row.
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
"""Of the most wasteful file there is: four channels of 16 bits, uncompressed."""
HEADROOM: Final = 1_000_000
"""Bytes that a file may have beside its pixels."""
BOX_REASONS: Final = (DropReason.BOX_FILE_INVALID, DropReason.BOX_OUTSIDE_IMAGE, DropReason.BOX_SIZE_MISMATCH)
"""Reasons of rows that tell of a box file; the image itself is indexed."""


class FileArgs(TypedDict):
    """A file to index; ``box`` is the URI of its box file or empty, ``box_problem`` why it has none."""

    uri: str
    image_id: ImageId
    class_idx: ClassIdx
    wnid: str
    split: str
    box: str
    box_problem: str


@dataclass(frozen=True)
class IndexItem:
    """A listed file: what `work` needs to index it, or the row of ``dropped`` it already is."""

    stamp: str
    file: FileArgs | None = None
    drop: DroppedRow | None = None


def plan(workspace: Workspace, settings: IndexSettings) -> list[Shard]:
    """One shard for the vocabulary, one for every ``shard_size`` files.

    Raises:
        UsageError: nothing to index; says what would be.
    """
    classes = load_classes(settings.classes)
    own = [Path(settings.classes)] if settings.classes else []
    own += [Path(workspace.root)] if workspace.is_local else []
    listed = _without_boxes(list_source(settings.images, settings.labels, own), settings.boxes)
    planned = list(_plan_files(listed, classes, settings))
    vocabulary = Shard("classes", (digest(json.dumps(classes)),), size=0)
    starts = range(0, len(planned), settings.shard_size)
    return [vocabulary, *(_shard(n, planned[start : start + settings.shard_size]) for n, start in enumerate(starts))]


def work(workspace: Workspace, settings: IndexSettings, shard: Shard) -> Output:
    """Read every file of a shard once: hash it, decode it whole, place its boxes."""
    if shard.id == "classes":
        return Output({"classes": load_classes(settings.classes)})
    images: list[ImageRow] = []
    dropped: list[DroppedRow] = list(shard.args["drops"])
    for file in shard.args["files"]:
        try:
            row, about_boxes = _index(file, settings.max_pixels)
        except ImageError as error:
            dropped.append(_drop(file["uri"], error.reason, error.detail))
        else:
            images.append(row)
            dropped.extend(about_boxes)
    return Output({"images": images, "dropped": dropped} if images else {"dropped": dropped})


def finalize(workspace: Workspace, settings: IndexSettings) -> None:
    """Hold the dropped files against the budget, once all shards are made.

    Raises:
        RegroundError: more than ``max_dropped`` of the files were dropped; counts them by reason.
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
        f"{len(files):,} of {indexed + len(files):,} files were dropped, over the share of {settings.max_dropped:g} "
        f"(index.max_dropped):\n" + "\n".join(lines) + f"\nAll: `reground table dropped -w {workspace.url} --to "
        "dropped.csv`. Put the files right, or allow more, and run it again."
    )


def dropped_files(dropped: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``dropped`` that stand for a file: together with ``images``, every file listed."""
    about_boxes = dropped["reason"].isin(list(BOX_REASONS))
    return dropped[(dropped["stage"] == STEP.name) & ~about_boxes & ~dropped["item"].str.endswith("/")]


# Planning


def _without_boxes(listed: Iterable[LabelledFile], boxes: str) -> list[LabelledFile]:
    """Box files may lie among the images."""
    folder = f"{Path(boxes).absolute()}/" if boxes else None

    def is_box(found: ListedFile) -> bool:
        return folder is not None and found.uri.startswith(folder) and found.name.lower().endswith(".xml")

    return [item for item in listed if not is_box(item.found)]


def _plan_files(
    listed: Sequence[LabelledFile], classes: Sequence[ClassRow], settings: IndexSettings
) -> Iterator[IndexItem]:
    index = label_index(classes)
    labels = {item.label for item in listed if item.label}
    _refuse_counting_from_one(labels, classes)
    meaning = {label: _meaning(label, index) for label in labels}
    wnid_of = {row["class_idx"]: next(iter(row["wnids"]), "") for row in classes}
    boxes = BoxFinder(settings.boxes, [item.found for item in listed if item.found.problem is None])
    keys = ImageIds(settings.ids)
    for found in boxes.closed:
        yield _drop_planned(found, DropReason.UNREADABLE, found.problem.detail if found.problem else "")
    for item in listed:
        found, class_idx = item.found, meaning.get(item.label)
        if found.problem:
            yield _drop_planned(found, found.problem.reason, found.problem.detail)
        elif found.size > BYTES_PER_PIXEL * settings.max_pixels + HEADROOM:
            yield _drop_planned(found, DropReason.TOO_LARGE, f"{found.size:,} bytes: more than {_limit(settings)}")
        elif class_idx is None:
            yield _drop_planned(found, DropReason.LABEL_MISSING, item.why)
        elif isinstance(class_idx, str):
            yield _drop_planned(found, DropReason.LABEL_UNKNOWN, class_idx)
        elif (taken := keys.take(found)) is not None:
            yield _drop_planned(found, DropReason.DUPLICATE_ID, taken)
        else:
            box = boxes.find(found)
            file: FileArgs = {
                "uri": found.uri,
                "image_id": keys.of(found),
                "class_idx": class_idx,
                "wnid": wnid_of[class_idx],
                "split": item.split or settings.split,
                "box": box.uri if isinstance(box, ListedFile) else "",
                "box_problem": box.detail if isinstance(box, FileProblem) else "",
            }
            stamps = [found.stamp, box.stamp if isinstance(box, ListedFile) else ""]
            yield IndexItem(digest(found.name, *stamps), file=file)


def _meaning(label: str, index: Mapping[str, set[ClassIdx]]) -> ClassIdx | str:
    """The class that a label names, or why none."""
    try:
        return resolve_label(label, index)
    except LabelError as error:
        return str(error)


def _refuse_counting_from_one(labels: Iterable[str], classes: Sequence[ClassRow]) -> None:
    """All but the last class would be silently off by one."""
    numbers = {int(label) if label.isascii() and label.isdigit() and len(label) < 10 else -1 for label in labels}
    count = len(classes)
    if classes[-1]["class_idx"] == count - 1 and numbers and min(numbers) >= 1 and max(numbers) == count:
        raise UsageError(
            f"expected class indices from 0 to {count - 1}, got labels up to {count} and no 0: they count from 1. "
            "ILSVRC2012_IDs are no indices either: for the devkit's give --labels, else subtract or use WordNet ids."
        )


class ImageIds:
    """The key of each image, and who has it first."""

    def __init__(self, ids: str) -> None:
        self.ids = ids
        self.first: dict[str, str] = {}
        self.count: Counter[str] = Counter()

    def of(self, found: ListedFile) -> ImageId:
        """``a/b/c.jpg`` -> ``c`` or, with ids by path, ``a__b__c``."""
        if self.ids == "stem":
            return ImageId(found.stem)
        return ImageId(str(Path(found.name).with_suffix("")).lstrip("/").replace("/", "__"))

    def take(self, found: ListedFile) -> str | None:
        """Give the file its key; or say who has it."""
        key = self.of(found)
        self.count[key] += 1
        if self.first.setdefault(key, found.name) == found.name and self.count[key] == 1:
            return None
        other = "" if self.ids == "path" else "; to keep both, give --ids path"
        return f"file {self.count[key]} with the key '{key}', which {self.first[key]} has{other}"


def _shard(number: int, planned: Sequence[IndexItem]) -> Shard:
    files = [item.file for item in planned if item.file]
    drops = [item.drop for item in planned if item.drop]
    return Shard(f"{number:05d}", tuple(item.stamp for item in planned), {"files": files, "drops": drops}, len(planned))


def _drop_planned(found: ListedFile, reason: DropReason, detail: str) -> IndexItem:
    return IndexItem(found.stamp, drop=_drop(found.uri, reason, detail))


def _drop(item: str, reason: DropReason, detail: str) -> DroppedRow:
    return dropped_row("index", item, reason, detail)


def _limit(settings: IndexSettings) -> str:
    return f"an image of {settings.max_pixels:,} pixels can have"


# Working


def _index(file: FileArgs, max_pixels: int) -> tuple[ImageRow, list[DroppedRow]]:
    """The row of one image, and what to say of its box file."""
    try:
        content = Path(file["uri"]).read_bytes()
    except OSError as error:
        raise ImageError(DropReason.UNREADABLE, error.strerror or str(error)) from error
    picture = decode(content, max_pixels)
    width, height = picture.shown_size
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
        where = f" ({file['box']})" if file["box"] else ""
        return row, [_drop(file["image_id"], error.reason, error.detail + where)]
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
    return place_boxes(parse_boxes(content), picture.orientation, picture.stored_size, picture.shown_size)


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
