"""Truths to compare: versions of the own truth, original labels, and labels that others publish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypedDict

import numpy as np

from reground.annotations.truth.versions import Version, versions
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import read_original_labels
from reground.tasks.references import ORIGINAL, OWN, read_reference, reference_names
from reground.tasks.text import count_of
from reground.tasks.workspace import Workspace

VERSION, REFERENCE = "version", "reference"
"""Kinds of truths."""
COLUMNS: Final = (
    "image_id",
    "state",
    "outcome",
    "labels",
    "main_label",
    "num_objects",
    "judged",
    "confidence",
    "decided",
    "vote_fingerprint",
    "original",
)


class LabelRow(TypedDict):
    """The labels of an image by a truth (None: not settled), and the confidence of each that is known, 0 to 1."""

    labels: list[int] | None
    confidence: dict[int, float]


class SideRow(LabelRow, total=False):
    """What a truth says of an image; the columns of ``truth`` where it is a version.

    ``decided`` maps labels that a curator decided to 1 or 0.
    """

    state: str
    outcome: str | None
    main_label: int | None
    num_objects: int | None
    decided: dict[int, float]
    vote_fingerprint: str
    original: int | None


@dataclass(frozen=True)
class Side:
    """One of two truths that are compared.

    Attributes:
        name: number of a version, name of a reference truth, or ``original``.
        kind: ``version``, ``reference`` or ``original``.
        version: digest of its labels, 12 hexadecimal digits.
        description: method and votes, or file.
        settings: of the step ``truth``; empty: it is no version.
        images: images that it has.
        settled: of those, images whose labels are known.
    """

    name: str
    kind: str
    version: str
    description: str
    settings: Mapping[str, Any]
    images: int
    settled: int


Rows = Mapping[str, SideRow]
"""Image -> what a truth says of it."""


def open_side(workspace: Workspace, name: str) -> tuple[Side, Rows]:
    """The truth that ``name`` means, and its rows.

    Args:
        workspace: with the truth.
        name: a reference truth, ``original``, ``own`` (the truth that there is now), or the number or first digits of
            a version.

    Raises:
        UsageError: none, or several, are meant; the message lists all.
        RegroundError: there is no truth yet, or no original label is known.
    """
    if name in reference_names(workspace):
        return _reference(workspace, name)
    if name == ORIGINAL:
        return _original(workspace)
    return _version(workspace, find(workspace, name))


def find(workspace: Workspace, name: str) -> Version:
    """The version of the own truth that ``name`` means, as of `open_side`.

    Raises:
        UsageError: none, or several, are meant; the message lists all truths.
        RegroundError: there is no truth yet.
    """
    all_versions = versions(workspace)
    valid = [f"{version.number} ({version.version})" for version in all_versions]
    if not all_versions and (name == OWN or name[:1].isdigit()):
        raise RegroundError(f"expected a truth in {workspace.url}, found none: run `reground truth` first.")
    current = workspace.table_digest("truth")[:12]
    matches = [
        version
        for version in all_versions
        if name == str(version.number) or (name == OWN and version.version == current)
    ] or [version for version in all_versions if name and version.version.startswith(name)]
    if len(matches) != 1:
        raise unknown("truth", name, [*valid, *reference_names(workspace), ORIGINAL, *([OWN] if valid else [])])
    return matches[0]


def _side(name: str, kind: str, version: str, description: str, settings: Mapping[str, Any], rows: Rows) -> Side:
    settled = sum(row["labels"] is not None for row in rows.values())
    return Side(name, kind, version, description, settings, len(rows), settled)


def _version(workspace: Workspace, version: Version) -> tuple[Side, Rows]:
    rows = dict(_version_rows(workspace, f"truths/{version.version}"))
    description = f"{version.method}, {count_of(version.votes, 'vote')}"
    return _side(str(version.number), VERSION, version.version, description, version.settings, rows), rows


def _version_rows(workspace: Workspace, table: str) -> Iterator[tuple[str, SideRow]]:
    for row in workspace.read_arrow(table, COLUMNS).to_pylist():
        confidence = dict(zip(row.pop("judged"), row.pop("confidence"), strict=True))
        decided = {label: confidence[label] for label in row.pop("decided")}
        image_id: str = row.pop("image_id")
        yield image_id, {**row, "confidence": confidence, "decided": decided}  # pyright: ignore[reportReturnType]


def _reference(workspace: Workspace, name: str) -> tuple[Side, Rows]:
    sets = read_reference(workspace, name)
    rows: dict[str, SideRow] = {}
    starts = np.searchsorted(sets.image, np.arange(len(sets.image_ids) + 1)).tolist()
    labels, confidence = sets.class_idx.tolist(), sets.confidence.tolist()
    for image_id, (start, end) in zip(sets.image_ids, pairwise(starts), strict=True):
        span = labels[start:end]
        rows[image_id] = {"labels": span, "confidence": dict(zip(span, confidence[start:end], strict=True))}
    file = workspace.read("references", ["name", "file"]).set_index("name")["file"].get(name, "")
    version = workspace.table_digest(f"reference_truths/{name}")[:12]
    return _side(name, REFERENCE, version, str(file), {}, rows), rows


def _original(workspace: Workspace) -> tuple[Side, Rows]:
    labels = read_original_labels(workspace)["class_idx"].dropna()
    if labels.empty:
        raise UsageError(f"expected original labels in {workspace.url}, found none: index the images first.")
    pairs = ((str(image_id), int(label)) for image_id, label in labels.items())
    rows: dict[str, SideRow] = {image_id: {"labels": [label], "confidence": {}} for image_id, label in pairs}
    tables = ("images", "original_labels")
    version = "".join(workspace.table_digest(table)[:6] for table in tables)
    return _side(ORIGINAL, ORIGINAL, version, "labels that the images came with", {}, rows), rows
