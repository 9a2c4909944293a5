"""Import of published votes: ``reground votes import``.

Reads ``images`` and ``classes`` if there are any; writes ``votes``, ``original_labels``, ``annotators``, ``dropped``
and, if there are none, ``classes`` (ImageNet's). Importing again replaces what changed; an import that was killed
is resumed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from reground.annotations.published import imagenet_multilabel, label_errors, real
from reground.annotations.published.csv import answer_shards, csv_reader
from reground.annotations.published.plugin import check_reader, plugin_reader
from reground.annotations.published.rows import STAGE, ImportShard
from reground.annotations.published.vocabulary import Vocabulary
from reground.tasks.errors import UsageError
from reground.tasks.images import load_classes
from reground.tasks.plugins import Registry
from reground.tasks.schema import ClassRow, DroppedRow, DropReason, concat_parts, dropped_row
from reground.tasks.votes import ANNOTATOR_COLUMNS, LABEL_STUDIO, REASSESSED, RECORDED, SIMULATED, annotator_rows
from reground.tasks.workspace import Output, Workspace, digest

VERSION: Final = 1
ReadShards = Callable[[Path, Vocabulary], Iterator[ImportShard]]
PUBLISHED: Final[dict[str, tuple[str, ReadShards]]] = {
    "imagenet-multilabel": (imagenet_multilabel.SOURCE, imagenet_multilabel.multilabel_shards),
    "real": (REASSESSED, real.real_shards),
    "label-errors": (label_errors.SOURCE, label_errors.label_errors_shards),
}
"""Format -> source, and reader of a folder laid out as its publisher's repository."""
CSV: Final = "csv"
FORMATS: Final = (*PUBLISHED, CSV)
"""The built-in formats."""
_RESERVED_SOURCES: Final = {
    LABEL_STUDIO,
    RECORDED,
    SIMULATED,
    *real.FILES.values(),
    *(source for source, _ in PUBLISHED.values()),
}
REGISTRY: Final = Registry("reground.votes", "format of votes", FORMATS, check_reader, _RESERVED_SOURCES)
"""Formats that plugins add."""


def import_votes(workspace: Workspace, format: str, path: Path) -> dict[str, int]:
    """Import the votes of one source.

    Args:
        workspace: may be new, and may have no images.
        format: one of `FORMATS`, or the name of a plugin, which becomes the source.
        path: a folder laid out as the publisher's repository; for csv a file, whose name without extension
            becomes the source; for a plugin whatever it reads.

    Returns:
        Counts of votes, images, annotators (those that are not anonymous), originals and dropped of this source.

    Raises:
        UsageError: an unknown format, or files that are missing, malformed or have another vocabulary.
        RegroundError: a pickle that is damaged or wants to run code.
    """
    REGISTRY.warn()
    vocabulary = _vocabulary(workspace)
    source, shards = _shards(workspace, format, path, vocabulary)
    _commit_classes(workspace)
    names = {_commit(workspace, source, shard, vocabulary) for shard in shards}
    names.add(_commit_summary(workspace, source, names))
    other_names = {entry.shard for entry in workspace.entries(STAGE) if not entry.shard.startswith(f"{source}+")}
    workspace.retire(STAGE, names | other_names)
    return _counts(workspace, names)


def _vocabulary(workspace: Workspace) -> Vocabulary:
    rows: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    return Vocabulary(rows or load_classes())


def _shards(workspace: Workspace, format: str, path: Path, vocabulary: Vocabulary) -> tuple[str, list[ImportShard]]:
    """The source, and its shards."""
    if format in PUBLISHED:
        source, read_shards = PUBLISHED[format]
        return source, list(read_shards(path, vocabulary))
    images = workspace.read("images", ["image_id"])["image_id"]
    image_ids = set(images) if len(images) else None
    if format == CSV:
        source = _csv_source(path)
        reader = csv_reader(path, vocabulary, source, image_ids)
    else:
        plugin = REGISTRY.find(format)
        source = plugin.name
        reader = plugin_reader(path, REGISTRY.load(plugin), plugin, vocabulary, image_ids)
    return source, list(answer_shards(reader))


def _csv_source(path: Path) -> str:
    source = path.stem
    reserved_sources = {*_RESERVED_SOURCES, *(plugin.name for plugin in REGISTRY.plugins())}
    if not re.fullmatch(r"[\w.-]+", source) or source in reserved_sources:
        raise UsageError(
            f"the votes in {path} get the source '{source}' from the file's name: expected letters, digits, dots and "
            f"dashes, and none of {', '.join(sorted(reserved_sources))}. Rename the file."
        )
    return source


def _commit_classes(workspace: Workspace) -> None:
    """Commit ImageNet's classes in the name of the step index, which replaces them when images are indexed."""
    if not workspace.parts("classes"):
        workspace.commit("index", "classes", digest("classes of imported votes"), Output({"classes": load_classes()}))


def _commit(workspace: Workspace, source: str, shard: ImportShard, vocabulary: Vocabulary) -> str:
    """Build and commit a shard, unless it is there already; returns its name in the workspace."""
    name = f"{source}+{shard.name}"
    key = digest(str(VERSION), name, shard.digest, vocabulary.digest)
    entry = workspace.entry(STAGE, name)
    if entry is None or entry.key != key:
        workspace.commit(STAGE, name, key, shard.build())
    return name


def _commit_summary(workspace: Workspace, source: str, shards: Collection[str]) -> str:
    """Commit the annotators, and the conflicts of original labels; returns the shard's name."""
    name = f"{source}+summary"
    votes = [part.sha256 for entry, part in workspace.parts("votes") if entry.step == STAGE and entry.shard in shards]
    key = digest(str(VERSION), *votes, *(workspace.table_digest(table) for table in ("images", "original_labels")))
    entry = workspace.entry(STAGE, name)
    if entry is None or entry.key != key:
        rows = annotator_rows(_read(workspace, "votes", shards, ANNOTATOR_COLUMNS))
        output = Output({"annotators": rows, "dropped": _original_conflicts(workspace, source, shards)})
        workspace.commit(STAGE, name, key, output)
    return name


def _original_conflicts(workspace: Workspace, source: str, shards: Collection[str]) -> list[DroppedRow]:
    """Rows of ``dropped`` for original labels that differ from those of the images or of other sources."""
    names = ["image_id", "class_idx"]
    own_labels = _read(workspace, "original_labels", shards, names).dropna()
    originals = workspace.read("original_labels", [*names, "source"])
    originals = originals[originals["source"] != source].dropna()
    other_labels = pd.concat([workspace.read("images", names).assign(source="images"), originals])
    pairs = own_labels.merge(other_labels, on="image_id", suffixes=("", "_elsewhere"))
    conflicts = pairs[pairs["class_idx"] != pairs["class_idx_elsewhere"]]
    return [
        dropped_row(
            STAGE,
            str(row["image_id"]),
            DropReason.ORIGINAL_DISPUTED,
            f"class {int(row['class_idx'])} in {source}, {int(row['class_idx_elsewhere'])} in {row['source']}",
        )
        for row in conflicts.to_dict("records")
    ]


def _read(workspace: Workspace, table: str, shards: Collection[str], columns: Sequence[str]) -> pd.DataFrame:
    """Columns of the rows in some shards of the import."""
    parts = [
        workspace.read_part(part.path, columns)
        for entry, part in workspace.parts(table)
        if entry.step == STAGE and entry.shard in shards
    ]
    return concat_parts(table, columns, parts).to_pandas()


def _counts(workspace: Workspace, shards: Collection[str]) -> dict[str, int]:
    counts = Counter(dict.fromkeys(("votes", "annotators", "original_labels", "dropped"), 0))
    for table in counts:
        for entry, part in workspace.parts(table):
            counts[table] += part.rows if entry.step == STAGE and entry.shard in shards else 0
    num_images = _read(workspace, "votes", shards, ["image_id"])["image_id"].nunique()
    return {"votes": counts.pop("votes"), "images": int(num_images), **counts}
