"""Rows of an earlier run that hold still: a shard that is made again takes them from its old files.

A row is taken if its photograph has the same digest (`reground.tasks.variants.inputs`) as when it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

import pyarrow as pa

from reground.tasks.errors import RegroundError
from reground.tasks.schema import ImageId, Row
from reground.tasks.workspace import Entry, Workspace

DIGESTS: Final = "variant_inputs"
"""Table of the digests that the rows were made under."""

Files = Mapping[str, str]
"""Table -> path of one of its files."""


def files_of(entry: Entry) -> dict[str, str]:
    """The files of an earlier shard, as a hint of a new one."""
    return {name: part.path for name, part in entry.tables.items()}


def unchanged_images(
    workspace: Workspace, earlier: Sequence[Files], digests: Mapping[ImageId, str]
) -> dict[ImageId, Files]:
    """The images whose rows are in earlier files as they would be made now, and those files.

    Files that are missing or damaged are passed over.

    Args:
        workspace: with the files.
        earlier: see `files_of`.
        digests: image_id -> digest, of the images of the new shard.
    """
    images: dict[ImageId, Files] = {}
    for files in earlier:
        rows = _read(workspace, files, DIGESTS)
        if rows is not None:
            images |= {
                row["image_id"]: files for row in rows.to_pylist() if digests.get(row["image_id"]) == row["digest"]
            }
    return images


def unchanged_rows(
    workspace: Workspace, earlier: Sequence[Files], digests: Mapping[ImageId, str], tables: Sequence[str]
) -> dict[ImageId, dict[str, list[Row]]]:
    """The rows of `unchanged_images`: image_id -> table -> rows in order.

    Args:
        workspace: with the files.
        earlier: see `files_of`.
        digests: image_id -> digest, of the images of the new shard.
        tables: that the step writes now.
    """
    images = unchanged_images(workspace, earlier, digests)
    rows: dict[ImageId, dict[str, list[Row]]] = {}
    for files in earlier:
        members = {image_id for image_id, source in images.items() if source is files}
        parts = {name: _read(workspace, files, name) for name in tables} if members else {}
        if members and None not in parts.values():
            rows |= _rows_of(members, parts)
    return rows


def _rows_of(members: Set[ImageId], parts: Mapping[str, pa.Table | None]) -> dict[ImageId, dict[str, list[Row]]]:
    rows: dict[ImageId, dict[str, list[Row]]] = {image_id: {name: [] for name in parts} for image_id in members}
    for name, part in parts.items():
        if part is None:
            continue
        column = "item" if name == "dropped" else "image_id"
        is_member = pa.array([image_id in members for image_id in part[column].to_pylist()], pa.bool_())
        for row in part.filter(is_member).to_pylist():
            rows[row[column]][name].append(row)
    return rows


def _read(workspace: Workspace, files: Files, table: str) -> pa.Table | None:
    """One of an earlier shard's files; None: it has none of that table, or it is missing or damaged."""
    if table not in files:
        return None
    try:
        return workspace.read_part(files[table])
    except RegroundError:
        return None
