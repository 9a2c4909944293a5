"""What one reading of the manifest says: every question a command has is put to it."""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks import schema
from reground.tasks.workspace.entry_rows import to_entries
from reground.tasks.workspace.manifest import Entry, Part

CACHED: Final = 20_000
"""Entries of a step that are kept as objects, for the next question."""
ORDER: Final = [("step", "ascending"), ("shard", "ascending")]


class Snapshot:
    """The manifest at one moment, by step and shard.

    Args:
        rows: of the shards that are listed, in any order.
        is_empty: whether the manifest has no files at all.
    """

    def __init__(self, rows: pa.Table, is_empty: bool) -> None:
        self.rows, self.is_empty = rows, is_empty
        self._entries: dict[str, list[Entry]] = {}
        self._digests: dict[str, str] = {}

    def entries(self, step: str | None = None) -> list[Entry]:
        """Of one step or of all, by step and shard."""
        if step is None:
            return [entry for name in self.steps() for entry in self.entries(name)]
        if step in self._entries:
            return list(self._entries[step])
        entries = list(to_entries(self._of_step(step)))
        if len(entries) <= CACHED:
            self._entries[step] = entries
        return list(entries)

    def entry(self, step: str, shard: str) -> Entry | None:
        """Of one shard, if it is listed."""
        if step not in self._positions:
            return None
        of_step = self.rows.take(self._positions[step])
        return next(to_entries(of_step.filter(pc.equal(of_step["shard"], shard))), None)

    def keys(self, step: str) -> dict[str, str]:
        """Shard -> the key that it was made under."""
        of_step = self._of_step(step)
        return dict(zip(of_step["shard"].to_pylist(), of_step["key"].to_pylist(), strict=True))

    def steps(self) -> list[str]:
        """Names of the steps that have made something."""
        return sorted(self._positions)

    def settings_of(self, step: str) -> Mapping[str, Any]:
        """As `Workspace.settings_of`."""
        of_step = self._of_step(step)
        if pc.count_distinct(of_step["settings"].combine_chunks().cast(pa.string())).as_py() != 1:
            return {}
        return next(to_entries(of_step.slice(0, 1))).settings

    def tables(self) -> list[str]:
        """Names of the tables that have rows or had a chance to."""
        return sorted(self._parts_of)

    def count(self, table: str) -> int:
        """Rows of a table; 0 if nobody made it."""
        schema.table(table)
        if table not in self._parts_of:
            return 0
        return int(pc.sum(self._parts.field("rows").take(self._parts_of[table])).as_py())

    def parts(self, table: str) -> list[tuple[Entry, Part]]:
        """The files of a table, by step and shard, each with the entry that lists it."""
        schema.table(table)
        if table not in self._parts_of:
            return []
        rows = self.rows.take(np.unique(self._parents[self._parts_of[table]]))
        steps = pc.unique(rows["step"]).to_pylist()
        if sum(len(self._positions[step]) for step in steps) <= CACHED:
            entries = (entry for step in sorted(steps) for entry in self.entries(step))
        else:
            entries = to_entries(rows.sort_by(ORDER))
        return [(entry, entry.tables[table]) for entry in entries if table in entry.tables]

    def digest(self, table: str) -> str:
        """Changes whenever a row of the table may have changed."""
        if table not in self._digests:
            self._digests[table] = self._digest(table)
        return self._digests[table]

    def paths(self) -> set[str]:
        """Of all files that are listed."""
        return set(self._parts.field("path").to_pylist())

    def part_paths(self) -> pa.Array:
        """As `paths`, as Arrow, with those that stand there twice."""
        return self._parts.field("path")

    def files_of(self, step: str) -> list[tuple[str, str, int]]:
        """(shard, path, bytes) of each file of a step."""
        of_step = self._of_step(step)
        parts = of_step["parts"].combine_chunks()
        shards = of_step["shard"].take(pc.list_parent_indices(parts)).to_pylist()
        flat = parts.flatten()
        return list(zip(shards, flat.field("path").to_pylist(), flat.field("bytes").to_pylist(), strict=True))

    def _digest(self, table: str) -> str:
        schema.table(table)
        positions = self._parts_of.get(table, np.array([], np.int64))
        parents = self.rows.select(["step", "shard"]).take(self._parents[positions])
        order = pc.sort_indices(parents, sort_keys=ORDER)
        whole = hashlib.blake2b(table.encode(), digest_size=16)
        for one in self._parts.field("digest").take(pa.array(positions)).take(order).to_pylist():
            whole.update(one)
        return whole.hexdigest()

    def _of_step(self, step: str) -> pa.Table:
        positions = self._positions.get(step, np.array([], np.int64))
        return self.rows.take(positions).sort_by(ORDER)

    @cached_property
    def _positions(self) -> dict[str, np.ndarray]:
        """Step -> its rows."""
        return _groups(self.rows["step"])

    @cached_property
    def _parts(self) -> pa.StructArray:
        """The parts of all rows, one after the other."""
        return self.rows["parts"].combine_chunks().flatten()

    @cached_property
    def _parents(self) -> np.ndarray:
        """``(P,)`` the row of each part."""
        return pc.list_parent_indices(self.rows["parts"].combine_chunks()).to_numpy()

    @cached_property
    def _parts_of(self) -> dict[str, np.ndarray]:
        """Table -> its parts."""
        groups = _groups(self._parts.field("table"))
        groups.pop("", None)
        return groups


def _groups(names: pa.Array | pa.ChunkedArray) -> dict[str, np.ndarray]:
    """Name -> the positions where it stands, in order."""
    whole = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
    encoded = whole.dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    values = encoded.dictionary.to_pylist()
    return {name: order[edges[number] : edges[number + 1]] for number, name in enumerate(values)}
