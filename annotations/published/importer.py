"""Import of published votes: ``reground votes import``.

Reads ``images`` and ``classes`` if there are any; writes ``votes``, ``original_labels``, ``annotators``, ``dropped``
and, if there are none, ``classes`` (ImageNet's). An import may add to what an earlier one of its source brought; it
removes or changes votes only if asked to. One that was killed is resumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pandas as pd
import pyarrow as pa

from reground.annotations.published.formats import REGISTRY, VoteImport, detect_format, read_format
from reground.annotations.published.rows import STAGE, ImportShard, shard_prefix
from reground.annotations.published.vocabulary import Vocabulary
from reground.tasks.images import load_classes
from reground.tasks.imports import check_replacement, check_rows_left
from reground.tasks.schema import ClassRow, DroppedRow, DropReason, concat_parts, dropped_row
from reground.tasks.votes import ANNOTATOR_COLUMNS, annotator_rows
from reground.tasks.workspace import Output, Workspace, digest

VERSION: Final = 2
VOTE_KEY: Final = ("annotator_id", "question", "image_id", "class_idx", "answer")
"""Columns of ``votes`` that an import may not change by the way."""


def import_votes(
    workspace: Workspace,
    format: str,
    path: Path,
    source: str = "",
    *,
    replace: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, int]:
    """Import the votes of one source.

    Args:
        workspace: may be new, and may have no images.
        format: one of `FORMATS`, or the name of a plugin; empty: of a file, csv or label-studio by what is in it.
        path: a folder laid out as the publisher's repository; a table or an export; for a plugin whatever it reads.
        source: name of the votes' source; empty: the file's name without extension, for a plugin the plugin's
            name. The published formats have sources of their own.
        replace: remove or change votes that an earlier import of the source brought.
        columns: of a table: name -> the file's column with it, where that is another; of an export: see
            `reground.annotations.published.label_studio`.

    Returns:
        Counts of votes, images, annotators (those that are not anonymous), original_labels and dropped of this
        source; of a file also of what came more than once (repeated), and of what is no answer.

    Raises:
        UsageError: an unknown format, a source that is not free, an import that would remove or change votes, or
            files that are missing, malformed, contradict themselves or have another vocabulary. Nothing is changed.
        RegroundError: a pickle that is damaged or wants to run code.
    """
    REGISTRY.warn()
    vocabulary = _vocabulary(workspace)
    votes = read_format(workspace, format or detect_format(path), path, vocabulary, source, columns)
    pending = [shard for shard in votes.shards if not _is_stored(workspace, votes.source, shard, vocabulary)]
    built = _check_any_vote(path, pending, len(votes.shards))
    if not replace:
        _check_nothing_lost(workspace, votes, pending, vocabulary)
    commit_classes(workspace)
    names = {_commit(workspace, votes.source, shard, vocabulary, built) for shard in votes.shards}
    source, counts = votes.source, votes.counts
    del votes, pending, built  # their rows are in the workspace now, and the summary reads them there
    names.add(_commit_summary(workspace, source, names))
    other_names = {
        entry.shard for entry in workspace.entries(STAGE) if not entry.shard.startswith(shard_prefix(source))
    }
    workspace.retire(STAGE, names | other_names)
    return {**_counts(workspace, names), **counts}


def _vocabulary(workspace: Workspace) -> Vocabulary:
    rows: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    return Vocabulary(rows or load_classes())


def _check_any_vote(path: Path, pending: Sequence[ImportShard], num_shards: int) -> dict[str, Output]:
    """Check that the import brings a vote, or brought one before; returns the shards built on the way, by name."""
    built: dict[str, Output] = {}
    if len(pending) < num_shards:
        return built
    dropped: list[DroppedRow] = []
    for shard in pending:
        built[shard.name] = shard.build()
        tables = built[shard.name].tables
        if len(tables.get("votes", ())):
            return built
        dropped += tables.get("dropped", [])  # type: ignore[arg-type]
    check_rows_left(path, "votes", 0, dropped)
    return built


def _check_nothing_lost(
    workspace: Workspace, votes: VoteImport, pending: Sequence[ImportShard], vocabulary: Vocabulary
) -> None:
    """Check that the votes of an earlier import come again."""
    kept = {_shard_key(votes.source, shard, vocabulary) for shard in votes.shards}
    stale = [
        workspace.read_part(part.path, VOTE_KEY)
        for entry, part in workspace.parts("votes")
        if entry.step == STAGE and entry.shard.startswith(shard_prefix(votes.source))
        if (entry.shard, entry.key) not in kept
    ]
    if any(map(len, stale)):
        incoming = (pa.table(shard.build().tables["votes"]).select(VOTE_KEY) for shard in pending)
        check_replacement(
            pa.concat_tables(stale).to_pandas(),
            [part.to_pandas() for part in incoming],
            f"votes of the source '{votes.source}'",
            "name another --source",
        )


def _is_stored(workspace: Workspace, source: str, shard: ImportShard, vocabulary: Vocabulary) -> bool:
    name, key = _shard_key(source, shard, vocabulary)
    entry = workspace.entry(STAGE, name)
    return entry is not None and entry.key == key


def _shard_key(source: str, shard: ImportShard, vocabulary: Vocabulary) -> tuple[str, str]:
    """The shard's name in the workspace, and the key of its content."""
    name = f"{shard_prefix(source)}{shard.name}"
    return name, digest(str(VERSION), name, shard.digest, vocabulary.digest)


def commit_classes(workspace: Workspace) -> None:
    """Commit ImageNet's classes in the name of the step index, which replaces them when images are indexed."""
    if not workspace.parts("classes"):
        workspace.commit("index", "classes", digest("classes of imported votes"), Output({"classes": load_classes()}))


def _commit(
    workspace: Workspace, source: str, shard: ImportShard, vocabulary: Vocabulary, built: dict[str, Output]
) -> str:
    """Build (unless it is among those ``built``) and commit a shard that is not there yet; returns its name there."""
    output = built.pop(shard.name, None)
    name, key = _shard_key(source, shard, vocabulary)
    if not _is_stored(workspace, source, shard, vocabulary):
        workspace.commit(STAGE, name, key, output or shard.build())
    return name


def _commit_summary(workspace: Workspace, source: str, shards: Collection[str]) -> str:
    """Commit the annotators, and the conflicts of original labels; returns the shard's name."""
    name = f"{shard_prefix(source)}summary"
    votes = [part.digest for entry, part in workspace.parts("votes") if entry.step == STAGE and entry.shard in shards]
    key = digest(str(VERSION), *votes, *(workspace.table_digest(table) for table in ("images", "original_labels")))
    entry = workspace.entry(STAGE, name)
    if entry is None or entry.key != key:
        rows = annotator_rows(_read_shards(workspace, "votes", shards, ANNOTATOR_COLUMNS))
        output = Output({"annotators": rows, "dropped": _original_conflicts(workspace, source, shards)})
        workspace.commit(STAGE, name, key, output)
    return name


def _original_conflicts(workspace: Workspace, source: str, shards: Collection[str]) -> list[DroppedRow]:
    """Rows of ``dropped`` for original labels that differ from those of the images or of other sources."""
    names = ["image_id", "class_idx"]
    own_labels = _read_shards(workspace, "original_labels", shards, names).dropna()
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


def _read_shards(workspace: Workspace, table: str, shards: Collection[str], columns: Sequence[str]) -> pd.DataFrame:
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
    num_images = _read_shards(workspace, "votes", shards, ["image_id"])["image_id"].nunique()
    return {"votes": counts.pop("votes"), "images": int(num_images), **counts}
