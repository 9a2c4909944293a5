"""What the report reads: tables part by part, and only the rows that the page shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.schema import concat_parts, family, table
from reground.tasks.votes import POLICY_TABLE, VotePolicy, parse_policy
from reground.tasks.workspace import Part, Workspace


class Snapshot:
    """A workspace as its manifest lists it at one moment; the manifest is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace.snapshot()
        self._parts: dict[str, list[tuple[str, Part]]] = defaultdict(list)
        for entry in self.workspace.entries():
            for name, part in entry.tables.items():
                self._parts[name].append((entry.shard, part))

    def tables(self) -> list[str]:
        """Names of the tables that somebody made, sorted."""
        return sorted(self._parts)

    def members(self, family_name: str) -> list[str]:
        """``predictions`` -> the models that have predicted, sorted."""
        return [name.partition("/")[2] for name in self.tables() if family(name) == family_name]

    def count(self, table: str) -> int:
        """Rows of a table; 0 if nobody made it."""
        return sum(part.rows for _, part in self._parts.get(table, []))

    def digest(self, table: str) -> str:
        """As `Workspace.table_digest`."""
        return self.workspace.table_digest(table)

    def frame(self, table: str, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of a whole table, in the order of its parts; empty if nobody made it."""
        return self.arrow(table, columns).to_pandas()

    def arrow(self, table: str, columns: Sequence[str]) -> pa.Table:
        """As `frame`, as Arrow."""
        return concat_parts(table, columns, self.each_part(table, columns))

    def policy(self) -> VotePolicy | None:
        """Which votes count in the truth; None: there is no truth yet."""
        return parse_policy(self.arrow(POLICY_TABLE, table(POLICY_TABLE).names()))

    def distinct(self, table: str, columns: Sequence[str]) -> set[tuple[Any, ...]]:
        """The different rows there are of some columns, one part in memory at a time."""
        parts = self.each_part(table, columns)
        distinct_rows = (part.group_by(list(columns)).aggregate([]).to_pylist() for part in parts)
        return {tuple(row[name] for name in columns) for rows in distinct_rows for row in rows}

    def rows(self, table: str, columns: Sequence[str], image_ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """The rows of some images, one part in memory at a time."""
        selection = pc.field("image_id").isin(pa.array(sorted(image_ids), pa.string()))
        for _, part in self._parts_about(table, image_ids):
            yield from self.workspace.read_part(part.path, columns).filter(selection).to_pylist()

    def each_part(self, table: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of a table, a part at a time."""
        for _, part in self._parts.get(table, []):
            yield self.workspace.read_part(part.path, columns)

    def _parts_about(self, table: str, image_ids: Collection[str]) -> Iterator[tuple[str, Part]]:
        """The parts that may hold some images. A variants part is as large as its pictures, and
        lies in the shard that indexed its photographs: the other shards' parts are not opened.
        """
        parts = self._parts.get(table, [])
        if family(table) != "variants":
            yield from parts
            return
        other_shards = set(self._shards.values()) - {self._shards.get(image_id) for image_id in image_ids}
        yield from (pair for pair in parts if pair[0] not in other_shards)

    @cached_property
    def _shards(self) -> dict[str, str]:
        """image_id -> the shard that indexed it."""
        return {
            image_id: shard
            for shard, part in self._parts["images"]
            for image_id in self.workspace.read_part(part.path, ["image_id"])["image_id"].to_pylist()
        }
