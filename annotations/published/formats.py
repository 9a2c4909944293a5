"""Formats of votes: the published ones, files of one's own, and those of plugins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reground.annotations.published import imagenet_multilabel, label_errors, real
from reground.annotations.published.answers import AnswerReader
from reground.annotations.published.label_studio import export_reader, is_export
from reground.annotations.published.plugin import check_reader, plugin_reader
from reground.annotations.published.rows import ImportShard
from reground.annotations.published.shards import answer_shards
from reground.annotations.published.table import table_reader
from reground.annotations.published.vocabulary import Vocabulary
from reground.tasks.errors import UsageError
from reground.tasks.images import read_original_labels
from reground.tasks.plugins import Registry
from reground.tasks.tabular import SUFFIXES
from reground.tasks.votes import LABEL_STUDIO, REASSESSED, RECORDED, SIMULATED
from reground.tasks.workspace import Workspace

ReadShards = Callable[[Path, Vocabulary], Iterator[ImportShard]]
PUBLISHED: Final[dict[str, tuple[str, ReadShards]]] = {
    "imagenet-multilabel": (imagenet_multilabel.SOURCE, imagenet_multilabel.multilabel_shards),
    "real": (REASSESSED, real.real_shards),
    "label-errors": (label_errors.SOURCE, label_errors.label_errors_shards),
}
"""Format -> source, and reader of a folder laid out as its publisher's repository."""
CSV: Final = "csv"
EXPORT: Final = "label-studio"
READERS: Final[dict[str, Callable[..., AnswerReader]]] = {CSV: table_reader, EXPORT: export_reader}
"""Format -> reader of a file of one's own."""
FORMATS: Final = (*PUBLISHED, *READERS)
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


@dataclass(frozen=True)
class VoteImport:
    """Votes to import: their source, their shards, and what the file holds beside votes."""

    source: str
    shards: Sequence[ImportShard]
    counts: Mapping[str, int] = field(default_factory=dict[str, int])


def detect_format(path: Path) -> str:
    """The format of a file.

    Raises:
        UsageError: it is none; lists the formats.
    """
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return EXPORT if path.suffix.lower() == ".json" and is_export(path) else CSV
    raise UsageError(
        f"expected a table ({', '.join(SUFFIXES)}) at {path}: of anything else give the format, one of "
        f"{', '.join(REGISTRY.names())}"
    )


def read_format(
    workspace: Workspace, format: str, path: Path, vocabulary: Vocabulary, source: str, columns: Mapping[str, str]
) -> VoteImport:
    """Read votes to import; for the arguments see `reground.annotations.published.import_votes`.

    Raises:
        UsageError: as `reground.annotations.published.import_votes` raises.
        RegroundError: likewise.
    """
    if columns and format not in READERS:
        raise UsageError(
            f"expected no columns with the format {format}: only {' and '.join(READERS)} have some to name"
        )
    if format in PUBLISHED:
        if source:
            raise UsageError(
                f"expected no name of a source with the format {format}, got '{source}': its votes have the source "
                f"{PUBLISHED[format][0]}."
            )
        vocabulary.check_overlap()
        source, read_shards = PUBLISHED[format]
        return VoteImport(source, list(read_shards(path, vocabulary)))
    images = workspace.read("images", ["image_id"])["image_id"]
    image_ids = set(images) if len(images) else None
    if format in READERS:
        source = _free_source(source, format) if source else _free_source(path.stem, f"the file's name, {path.name}")
        labels = {
            str(name): int(label) for name, label in read_original_labels(workspace)["class_idx"].dropna().items()
        }
        reader = READERS[format](path, vocabulary, source, image_ids, columns, labels)
    else:
        plugin = REGISTRY.find(format)
        source = _free_source(source, plugin.name) if source else plugin.name
        reader = plugin_reader(path, REGISTRY.load(plugin), plugin, source, vocabulary, image_ids)
    return VoteImport(source, list(answer_shards(reader)), reader.counts)


def _free_source(source: str, origin: str) -> str:
    """A name for the source of votes that are nobody's yet.

    Raises:
        UsageError: it is malformed or reserved.
    """
    reserved_sources = {*_RESERVED_SOURCES, *(plugin.name for plugin in REGISTRY.plugins())}
    if not re.fullmatch(r"[\w.-]+", source) or source in reserved_sources:
        raise UsageError(
            f"the votes get the source '{source}' ({origin}): expected letters, digits, dots and dashes, and none of "
            f"{', '.join(sorted(reserved_sources))}. Name another source with --source."
        )
    return source
