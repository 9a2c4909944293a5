"""Published votes come in as they were released: ``reground votes import``.

Reads ``images`` and ``classes`` where there are any; writes ``votes``, ``originals``, ``annotators``,
``dropped`` and, if nobody did yet, ``classes`` (ImageNet's). Importing again replaces what changed;
a killed import goes on where it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from reground.annotations.published import csv as published_csv
from reground.annotations.published import imagenet_multilabel as published_multilabel
from reground.annotations.published import label_errors as published_label_errors
from reground.annotations.published import real as published_real
from reground.annotations.published.plugin import check_reader, plugin_reader
from reground.annotations.published.rows import STAGE, Piece, Vocabulary, drop
from reground.tasks.errors import UsageError
from reground.tasks.images import load_classes
from reground.tasks.plugins import Registry
from reground.tasks.schema import ClassRow, DroppedRow, DropReason, concat_parts
from reground.tasks.votes import ANNOTATOR_COLUMNS, LABEL_STUDIO, REASSESSED, RECORDED, SIMULATED, annotator_rows
from reground.tasks.workspace import Output, Workspace, digest

VERSION: Final = 1
Read = Callable[[Path, Vocabulary], Iterator[Piece]]
PUBLISHED: Final[dict[str, tuple[str, Read]]] = {
    "imagenet-multilabel": (published_multilabel.SOURCE, published_multilabel.pieces),
    "real": (REASSESSED, published_real.pieces),
    "label-errors": (published_label_errors.SOURCE, published_label_errors.pieces),
}
"""Format -> source, reader of a folder laid out as its publisher's repository."""
CSV: Final = "csv"
FORMATS: Final = (*PUBLISHED, CSV)
"""What is built in."""
_RESERVED: Final = {
    LABEL_STUDIO,
    RECORDED,
    SIMULATED,
    *published_real.FILES.values(),
    *(source for source, _ in PUBLISHED.values()),
}
REGISTRY: Final = Registry("reground.votes", "format of votes", FORMATS, check_reader, _RESERVED)
"""Further formats, of plugins."""


def import_votes(workspace: Workspace, format: str, path: Path) -> dict[str, int]:
    """Bring in votes, and count what there is of their source.

    Args:
        workspace: may be new, and may know no image.
        format: one of `FORMATS`, or the name of a plugin, which becomes the source.
        path: a folder laid out as the publisher's repository is; for csv a file, whose name
            without ending becomes the source; for a plugin whatever it reads.

    Returns:
        votes, images, annotators (those known by name), originals and dropped of this source.

    Raises:
        UsageError: no such format, or the files are missing, malformed or of another vocabulary.
        RegroundError: a pickle that is damaged or wants to run code.
    """
    REGISTRY.warn()
    vocabulary = _vocabulary(workspace)
    source, pieces = _pieces(workspace, format, path, vocabulary)
    _commit_classes(workspace)
    made = {_commit(workspace, source, piece, vocabulary) for piece in pieces}
    made.add(_summarise(workspace, source, made))
    others = {entry.shard for entry in workspace.entries(STAGE) if not entry.shard.startswith(f"{source}+")}
    workspace.retire(STAGE, made | others)
    return _counts(workspace, made)


def _vocabulary(workspace: Workspace) -> Vocabulary:
    rows: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    return Vocabulary(rows or load_classes())


def _pieces(workspace: Workspace, chosen: str, path: Path, vocabulary: Vocabulary) -> tuple[str, list[Piece]]:
    if chosen in PUBLISHED:
        source, read = PUBLISHED[chosen]
        return source, list(read(path, vocabulary))
    images = workspace.read("images", ["image_id"])["image_id"]
    known = set(images) if len(images) else None
    if chosen == CSV:
        source = _csv_source(path)
        reader = published_csv.csv_reader(path, vocabulary, source, known)
    else:
        plugin = REGISTRY.find(chosen)
        source = plugin.name
        reader = plugin_reader(path, REGISTRY.load(plugin), plugin, vocabulary, known)
    return source, list(published_csv.pieces(reader))


def _csv_source(path: Path) -> str:
    source = path.stem
    reserved = {*_RESERVED, *(plugin.name for plugin in REGISTRY.plugins())}
    if not re.fullmatch(r"[\w.-]+", source) or source in reserved:
        taken = ", ".join(sorted(reserved))
        raise UsageError(
            f"the votes in {path} get the source '{source}' after its name: expected letters, digits, dots and dashes, "
            f"and none of {taken}. Rename the file."
        )
    return source


def _commit_classes(workspace: Workspace) -> None:
    """ImageNet's classes, under the name that indexing images gives them, which then takes them over."""
    if not workspace.parts("classes"):
        workspace.commit("index", "classes", digest("classes of imported votes"), Output({"classes": load_classes()}))


def _commit(workspace: Workspace, source: str, piece: Piece, vocabulary: Vocabulary) -> str:
    """Make a piece, unless it is there; its shard."""
    shard = f"{source}+{piece.name}"
    key = digest(str(VERSION), shard, piece.stamp, vocabulary.digest)
    before = workspace.entry(STAGE, shard)
    if before is None or before.key != key:
        workspace.commit(STAGE, shard, key, piece.make())
    return shard


def _summarise(workspace: Workspace, source: str, made: Collection[str]) -> str:
    """Commit the people behind the votes, and where original labels are disputed; the shard."""
    shard = f"{source}+summary"
    held = [part.sha256 for entry, part in workspace.parts("votes") if entry.step == STAGE and entry.shard in made]
    key = digest(str(VERSION), *held, *(workspace.table_digest(name) for name in ("images", "originals")))
    before = workspace.entry(STAGE, shard)
    if before is None or before.key != key:
        people = annotator_rows(_read(workspace, "votes", made, ANNOTATOR_COLUMNS))
        output = Output({"annotators": people, "dropped": _disputes(workspace, source, made)})
        workspace.commit(STAGE, shard, key, output)
    return shard


def _disputes(workspace: Workspace, source: str, made: Collection[str]) -> list[DroppedRow]:
    """Rows of ``dropped`` for original labels that differ from those of the images or of other sources."""
    names = ["image_id", "class_idx"]
    own = _read(workspace, "originals", made, names).dropna()
    others = workspace.read("originals", [*names, "source"])
    others = others[others["source"] != source].dropna()
    both = pd.concat([workspace.read("images", names).assign(source="images"), others])
    merged = own.merge(both, on="image_id", suffixes=("", "_elsewhere"))
    differ = merged[merged["class_idx"] != merged["class_idx_elsewhere"]]
    return [
        drop(
            str(row["image_id"]),
            DropReason.ORIGINAL_DISPUTED,
            f"class {int(row['class_idx'])} in {source}, {int(row['class_idx_elsewhere'])} in {row['source']}",
        )
        for row in differ.to_dict("records")
    ]


def _read(workspace: Workspace, table: str, shards: Collection[str], columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of the rows that some shards of the import made."""
    parts = [
        workspace.read_part(part.path, columns)
        for entry, part in workspace.parts(table)
        if entry.step == STAGE and entry.shard in shards
    ]
    return concat_parts(table, columns, parts).to_pandas()


def _counts(workspace: Workspace, made: Collection[str]) -> dict[str, int]:
    counts = Counter(dict.fromkeys(("votes", "annotators", "originals", "dropped"), 0))
    for table in counts:
        for entry, part in workspace.parts(table):
            counts[table] += part.rows if entry.step == STAGE and entry.shard in made else 0
    images = _read(workspace, "votes", made, ["image_id"])["image_id"].nunique()
    return {"votes": counts.pop("votes"), "images": int(images), **counts}
