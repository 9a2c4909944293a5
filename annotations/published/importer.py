"""Import of published votes: ``reground votes import``.

Reads ``images`` and ``classes`` if there are any; writes ``votes``, ``original_labels``, ``annotators``, ``dropped``
and, if there are none, ``classes`` (ImageNet's). Importing again replaces what changed; an import that was killed
is resumed.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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

log = logging.getLogger(__name__)

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


def import_votes(workspace: Workspace, format: str, path: Path, source: str = "") -> dict[str, int]:
    """Import the votes of one source.

    Args:
        workspace: may be new, and may have no images.
        format: one of `FORMATS`, or the name of a plugin.
        path: a folder laid out as the publisher's repository; for csv a file; for a plugin whatever it reads.
        source: name of the votes' source, whose earlier import is replaced; empty: for csv the file's name
            without extension, for a plugin the plugin's name. The published formats have sources of their own.

    Returns:
        Counts of votes, images, annotators (those that are not anonymous), originals and dropped of this source.

    Raises:
        UsageError: an unknown format, a source that is not free, or files that are missing, malformed or have
            another vocabulary.
        RegroundError: a pickle that is damaged or wants to run code.
    """
    REGISTRY.warn()
    vocabulary = _vocabulary(workspace)
    source, shards = _shards(workspace, format, path, vocabulary, source)
    commit_classes(workspace)
    before = _votes_by_shard(workspace, source)
    names = {_commit(workspace, source, shard, vocabulary) for shard in shards}
    names.add(_commit_summary(workspace, source, names))
    other_names = {entry.shard for entry in workspace.entries(STAGE) if not entry.shard.startswith(f"{source}+")}
    workspace.retire(STAGE, names | other_names)
    _warn_of_replacement(source, before, _votes_by_shard(workspace, source))
    return _counts(workspace, names)


def _vocabulary(workspace: Workspace) -> Vocabulary:
    rows: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    return Vocabulary(rows or load_classes())


def _shards(
    workspace: Workspace, format: str, path: Path, vocabulary: Vocabulary, source: str
) -> tuple[str, list[ImportShard]]:
    """The source, and its shards."""
    if format in PUBLISHED:
        if source:
            raise UsageError(
                f"expected no name of a source with the format {format}, got '{source}': its votes have the source "
                f"{PUBLISHED[format][0]}."
            )
        vocabulary.check_overlap()
        source, read_shards = PUBLISHED[format]
        return source, list(read_shards(path, vocabulary))
    images = workspace.read("images", ["image_id"])["image_id"]
    image_ids = set(images) if len(images) else None
    if format == CSV:
        source = _free_source(source, CSV) if source else _free_source(path.stem, f"the file's name, {path.name}")
        reader = csv_reader(path, vocabulary, source, image_ids)
    else:
        plugin = REGISTRY.find(format)
        source = _free_source(source, plugin.name) if source else plugin.name
        reader = plugin_reader(path, REGISTRY.load(plugin), plugin, source, vocabulary, image_ids)
    return source, list(answer_shards(reader))


def _free_source(source: str, origin: str) -> str:
    """A name for the source of votes that are nobody's yet.

    Raises:
        UsageError: it is malformed or reserved.
    """
    reserved_sources = {*_RESERVED_SOURCES, *(plugin.name for plugin in REGISTRY.plugins())}
    if not re.fullmatch(r"[\w.-]+", source) or source in reserved_sources:
        raise UsageError(
            f"the votes get the source '{source}' ({origin}): expected letters, digits, dots and dashes, and none of "
            f"{', '.join(sorted(reserved_sources))}. Name another source, or rename the file."
        )
    return source


def _votes_by_shard(workspace: Workspace, source: str) -> dict[str, int]:
    """Checksum of the votes -> their number, of each shard of a source."""
    return {
        part.sha256: part.rows
        for entry, part in workspace.parts("votes")
        if entry.step == STAGE and entry.shard.startswith(f"{source}+")
    }


def _warn_of_replacement(source: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    replaced = sum(rows for checksum, rows in before.items() if checksum not in after)
    if replaced:
        log.warning(
            "replaced %s votes of the source '%s', which an earlier import brought; votes of other people need "
            "another source",
            f"{replaced:,}",
            source,
        )


def commit_classes(workspace: Workspace) -> None:
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
