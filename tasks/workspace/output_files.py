"""The files of a shard's output."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import xxhash

from reground.tasks import schema
from reground.tasks.schema import to_arrow
from reground.tasks.storage import Storage
from reground.tasks.workspace.entry_rows import check_path
from reground.tasks.workspace.manifest import Counts, Entry, Output, Part
from reground.tasks.workspace.table_file import encode, file_path


def write_output(
    storage: Storage, step: str, shard: str, key: str, output: Output, settings: Mapping[str, Any]
) -> Entry:
    """Write a shard's tables and files; nothing lists them yet."""
    rows = {name: to_arrow(name, table) for name, table in output.tables.items()}
    contents = {name: encode(name, table) for name, table in rows.items()}
    paths = {name: file_path(name, step, shard, key, content) for name, content in contents.items()}
    file_paths = {name: check_path(f"files/{name}") for name in output.files}
    storage.put_all(
        {paths[name]: content for name, content in contents.items()}
        | {file_paths[name]: content for name, content in output.files.items()}
    )
    tables = {
        name: _part(paths[name], contents[name], len(table), _counts(name, table)) for name, table in rows.items()
    }
    files = {name: _part(file_paths[name], content) for name, content in output.files.items()}
    return Entry(step, shard, key, tables, files, settings)


def lacking(storage: Storage, files: Iterable[tuple[str, str, int]]) -> set[str]:
    """Shards of which a file is gone or of another size.

    Args:
        storage: of the workspace.
        files: (shard, path, bytes) of each file that is listed.
    """
    listed = list(files)
    folders = {"files" if path.startswith("files/") else posixpath.dirname(path) for _, path, _ in listed}
    sizes = {one.key: one.size for folder in folders for one in storage.list(folder)}
    return {shard for shard, path, size in listed if sizes.get(path) != size}


def _counts(name: str, rows: pa.Table) -> Counts:
    columns = list(schema.table(name).counts)
    if not columns:
        return ()
    groups = rows.group_by(columns, use_threads=False).aggregate([([], "count_all")]).to_pylist()
    return tuple(sorted((tuple(str(group[name]) for name in columns), group["count_all"]) for group in groups))


def _part(path: str, content: bytes, rows: int = 0, counts: Counts = ()) -> Part:
    return Part(path, rows, len(content), xxhash.xxh3_128_hexdigest(content), counts)
