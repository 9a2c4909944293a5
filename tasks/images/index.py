"""Step ``index``: labelled images -> the tables ``images``, ``classes``, ``dropped``.

Each listed file becomes a row of ``images`` or of ``dropped``. An image with an invalid box file keeps its
row in ``images``, without boxes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images.classes import load_classes
from reground.tasks.images.planning import IndexItem, plan_items
from reground.tasks.images.reading import ImageReader
from reground.tasks.images.settings import IndexSettings, complete, faults
from reground.tasks.schema import DroppedRow, DropReason, ImageRow
from reground.tasks.storage import is_url
from reground.tasks.workspace import Output, PlanInputs, Shard, Step, Workspace, digest, partition

log = logging.getLogger(__name__)

NOTE_REASONS: Final = (
    DropReason.BOX_FILE_INVALID,
    DropReason.BOX_OUTSIDE_IMAGE,
    DropReason.BOX_SIZE_MISMATCH,
    DropReason.BOX_OTHER_CLASS,
    DropReason.BOX_ORIENTATION_UNCLEAR,
    DropReason.LABEL_CONFLICT,
)
"""Reasons that concern the boxes or the label of an image that is indexed."""


def plan(workspace: Workspace, settings: IndexSettings) -> list[Shard]:
    """One shard for the vocabulary, and shards of at most ``shard_size`` image_ids, cut by their hashes.

    Raises:
        UsageError: there is nothing to index; the message lists the accepted sources.
    """
    settings = _complete(settings)
    skip = [workspace.root, *filter(None, [settings.classes])]
    classes = load_classes(settings.classes)
    items = plan_items(settings, classes, skip)
    args = {"classes": settings.classes}
    vocabulary = Shard("classes", (digest(json.dumps(classes)),), args, size=0)
    cells = partition([item.key for item in items], settings.shard_size)
    return [vocabulary, *(_shard(name, [items[n] for n in cell], args) for name, cell in cells.items())]


def plan_inputs(workspace: Workspace, settings: IndexSettings) -> PlanInputs | None:
    """Of photographs that may be in an object store: to list a million takes a thousand requests."""
    images = _complete(settings).images
    is_elsewhere = is_url(images) or Path(images).is_file()  # a list may name URLs
    return PlanInputs("", has_sources=True) if is_elsewhere else None


def work(workspace: Workspace, settings: IndexSettings, shard: Shard) -> Output:
    """Read the files of a shard, each once."""
    settings = dataclasses.replace(settings, classes=shard.args["classes"])
    if shard.id == "classes":
        return Output({"classes": load_classes(settings.classes)})
    reader = ImageReader(settings)
    images: list[ImageRow] = []
    drops: list[DroppedRow] = list(shard.args["drops"])
    for files in shard.args["files"]:
        row, notes = reader.read_first(files)
        images += [row] if row else []
        drops += notes
    return Output({"images": images, "dropped": drops} if images else {"dropped": drops})


def finalize(workspace: Workspace, settings: IndexSettings) -> None:
    """Check the share of dropped files after the last shard.

    Raises:
        UsageError: no file is left.
        RegroundError: the share exceeds ``max_dropped``; the message counts the files by reason.
    """
    indexed = workspace.count("images")
    if indexed and _share(_max_dropped_files(workspace), indexed) <= settings.max_dropped:
        return
    files = dropped_files(workspace.read("dropped"))
    files = files[files["reason"] != DropReason.OTHER_FILE]
    if indexed and _share(len(files), indexed) <= settings.max_dropped:
        return
    counts = Counter(files["reason"])
    first = files.drop_duplicates("reason").set_index("reason")
    lines = [
        f"  {count:,} {reason}; first: {first.at[reason, 'item']}: {first.at[reason, 'detail']}"
        for reason, count in counts.most_common()
    ]
    error = RegroundError if indexed else UsageError
    raise error(
        f"{len(files):,} of {indexed + len(files):,} files were dropped, more than the share of "
        f"{settings.max_dropped:g} (index.max_dropped):\n"
        + "\n".join(lines)
        + f"\nAll: `reground table dropped -w {workspace.shell_url} --to "
        "dropped.csv`. Fix the files or raise the limit, then run it again."
    )


def dropped_files(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``dropped`` for whole files; with ``images`` they cover every listed file."""
    is_note = rows["reason"].isin(list(NOTE_REASONS))
    return rows[(rows["stage"] == STEP.name) & ~is_note & ~rows["item"].str.endswith("/")]


def _share(dropped: int, indexed: int) -> float:
    return dropped / (dropped + indexed)


def _max_dropped_files(workspace: Workspace) -> int:
    """As the manifest counts them: folders among them."""
    others = (*NOTE_REASONS, DropReason.OTHER_FILE)
    return sum(
        rows
        for _, part in workspace.parts("dropped")
        for (stage, reason), rows in part.counts
        if stage == STEP.name and reason not in others
    )


def _complete(settings: IndexSettings) -> IndexSettings:
    parts = complete(settings)
    if parts != settings:
        log.info(
            "ILSVRC as Kaggle distributes it: images %s, labels %s, boxes %s, classes %s",
            parts.images,
            parts.labels or "by class folder",
            parts.boxes or "none",
            parts.classes or "ImageNet-1k",
        )
    return parts


def _shard(name: str, items: Sequence[IndexItem], args: Mapping[str, str]) -> Shard:
    files = [item.files for item in items if item.files]
    drops = [item.drop for item in items if item.drop]
    size = sum(item.size for item in items)
    stamps = tuple(item.stamp for item in items)
    return Shard(name, stamps, {**args, "files": files, "drops": drops}, size)


STEP: Final = Step(
    name="index",
    version=3,
    settings=IndexSettings,
    plan=plan,
    work=work,
    check=faults,
    plan_inputs=plan_inputs,
    conflicts_with=("imagenet9",),
    finalize=finalize,
    execution_only=frozenset({"max_dropped", "shard_size"}),
)
