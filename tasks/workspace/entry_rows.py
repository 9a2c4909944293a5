"""Entries as Arrow rows: one row a shard, its files as a list."""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks import schema
from reground.tasks.storage import check_key
from reground.tasks.workspace.manifest import Entry, Part

FOLDERS: Final = ("tables/", "files/")
"""Where the files of entries lie."""

COUNT: Final = pa.struct(
    [
        pa.field("values", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
    ]
)

PART: Final = pa.struct(
    [
        pa.field("table", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("digest", pa.binary(16), nullable=False),
        pa.field("counts", pa.list_(pa.field("item", COUNT, nullable=False)), nullable=False),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field("step", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("dead", pa.bool_(), nullable=False),
        pa.field("settings", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("parts", pa.list_(PART), nullable=False),
    ]
)
"""``table`` is empty for a file that is no table; a shard without output has an empty list; ``dead``: taken off."""


def to_rows(entries: Iterable[Entry]) -> pa.Table:
    """Entries as rows."""
    return pa.Table.from_pylist([_row(entry) for entry in entries], schema=SCHEMA)


def dead_rows(step: str, shards: Iterable[str]) -> pa.Table:
    """Rows that take shards off."""
    return to_rows([]) if not (names := list(shards)) else _dead(step, names)


def to_entries(rows: pa.Table) -> Iterator[Entry]:
    """The entries in rows.

    Raises:
        ValueError: a path lies outside the folders of tables and files.
    """
    for row in rows.to_pylist():
        tables = {part["table"]: _part(part) for part in row["parts"] if part["table"]}
        files = {part["path"].removeprefix("files/"): _part(part) for part in row["parts"] if not part["table"]}
        yield Entry(row["step"], row["shard"], row["key"], tables, files, json.loads(row["settings"]))


def last_rows(layers: Iterable[pa.Table]) -> pa.Table:
    """The last row of each shard, in the order of the layers."""
    whole = pa.concat_tables([SCHEMA.empty_table(), *layers])
    if len(whole) < 2:
        return whole
    numbered = pa.table({"step": whole["step"], "shard": whole["shard"], "number": np.arange(len(whole))})
    last = numbered.group_by(["step", "shard"], use_threads=False).aggregate([("number", "max")])["number_max"]
    return whole.take(np.sort(last.to_numpy()))


def lay_over(base: pa.Table, recent: pa.Table) -> pa.Table:
    """Rows of a snapshot with newer ones in their place, without the dead."""
    if len(recent) and len(base):
        base = base.filter(pc.invert(pc.is_in(_ids(base), value_set=_ids(recent))))
    alive = recent.filter(pc.invert(recent["dead"])) if len(recent) else recent
    return pa.concat_tables([base, alive]) if len(base) else alive


def check_paths(rows: pa.Table) -> None:
    """Paths come from a file, maybe somebody else's.

    Raises:
        ValueError: one is absolute, has ``..``, or lies in another folder than those of tables and files.
    """
    paths = rows["parts"].combine_chunks().flatten().field("path") if len(rows) else pa.array([], pa.string())
    # Nearly all are of plain characters, and a million are checked at once; the rest one by one.
    plain = pc.match_substring_regex(paths, r"^(tables|files)(/\w[\w.+=@,-]*)+$")
    for path in paths.filter(pc.invert(plain)).to_pylist():
        check_path(path)


def check_counts(rows: pa.Table) -> None:
    """Counts come from a file, maybe somebody else's.

    Raises:
        ValueError: one has another number of values than its table counts by.
    """
    parts = rows["parts"].combine_chunks().flatten()
    counts = parts.field("counts")
    tables = parts.field("table").take(pc.list_parent_indices(counts))
    lengths = pc.list_value_length(counts.flatten().field("values"))
    for pair in pa.table({"table": tables, "length": lengths}).group_by(["table", "length"]).aggregate([]).to_pylist():
        if len(schema.table(pair["table"]).counts) != pair["length"]:
            raise ValueError(f"rows of the table {pair['table']!r} are counted by {pair['length']} columns")


def check_path(path: str) -> str:
    """As `check_paths`, of one."""
    if not check_key(path).startswith(FOLDERS):
        raise ValueError(f"expected a path in tables/ or files/, got {path!r}")
    return path


def _ids(rows: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows["step"], rows["shard"], "\0")


def _row(entry: Entry) -> dict[str, Any]:
    parts = [_part_row(name, part) for name, part in sorted(entry.tables.items())]
    parts += [_part_row("", part) for _, part in sorted(entry.files.items())]
    return {
        "step": entry.step,
        "shard": entry.shard,
        "key": entry.key,
        "dead": False,
        "settings": json.dumps(dict(entry.settings), sort_keys=True),
        "parts": parts,
    }


def _dead(step: str, shards: list[str]) -> pa.Table:
    rows = [{"step": step, "shard": shard, "key": "", "dead": True, "settings": "{}", "parts": []} for shard in shards]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _part_row(table: str, part: Part) -> dict[str, Any]:
    return {
        "table": table,
        "path": check_path(part.path),
        "rows": part.rows,
        "bytes": part.bytes,
        "digest": bytes.fromhex(part.digest),
        "counts": [{"values": list(values), "rows": rows} for values, rows in part.counts],
    }


def _part(row: Mapping[str, Any]) -> Part:
    counts = tuple((tuple(one["values"]), one["rows"]) for one in row["counts"])
    return Part(row["path"], row["rows"], row["bytes"], row["digest"].hex(), counts)
