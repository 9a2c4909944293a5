"""The file of a table's part: Parquet whose damage is noticed.

Every page carries a checksum, and the name carries the digest of the footer, which no page's checksum covers: so a
reader of some columns notices damage in what it reads, and need not read the rest. The manifest lists size and
digest of the whole file besides.
"""

from __future__ import annotations

import io
import posixpath
import struct
from collections.abc import Sequence
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from reground.tasks.schema import Rows, arrow_schema, to_arrow
from reground.tasks.storage import Storage
from reground.tasks.workspace.entry_rows import check_path

TAIL: Final = 8
"""Bytes after the footer: its length, and Parquet's mark."""


class DamagedFileError(Exception):
    """A file is gone, or not as it was written.

    Attributes:
        path: below the workspace's root.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def encode(table: str, rows: Rows) -> bytes:
    """Rows of a table as the content of a file.

    Raises:
        ValueError: they do not have the table's columns.
    """
    buffer = io.BytesIO()
    pq.write_table(to_arrow(table, rows), buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def file_path(table: str, step: str, shard: str, key: str, content: bytes) -> str:
    """Path of the file of a shard, below the workspace's root."""
    return check_path(f"tables/{table}/{step}-{shard}.{key[:12]}.{_footer_digest(io.BytesIO(content))}.parquet")


def decode(storage: Storage, path: str, columns: Sequence[str] | None) -> pa.Table:
    """A part of a table.

    Args:
        storage: of the workspace.
        path: as of `file_path`.
        columns: to read; None: all.

    Raises:
        DamagedFileError: it is gone, cut, changed, or holds another table.
    """
    table = posixpath.dirname(path).removeprefix("tables/")
    expected = arrow_schema(table)
    names = expected.names if columns is None else list(columns)
    try:
        rows = _read(storage, path, names)
    except FileNotFoundError as error:
        raise DamagedFileError(path, "it is gone") from error
    except (OSError, pa.ArrowException, ValueError, KeyError, MemoryError) as error:
        raise DamagedFileError(path, str(error) or type(error).__name__) from error
    wanted = pa.schema([expected.field(name) for name in names])
    if rows.schema.names != names or any(a.type != b.type for a, b in zip(rows.schema, wanted, strict=True)):
        raise DamagedFileError(path, f"expected the columns of the table '{table}', got {rows.schema.names}")
    return rows.cast(wanted)


def _read(storage: Storage, path: str, names: list[str]) -> pa.Table:
    """Raises:
    ValueError: it is cut or changed.
    """
    local = storage.local_path(path)
    # A part may be full of pictures, of which only some columns are asked for.
    with local.open("rb") if local else io.BytesIO(storage.get(path)) as handle:
        if _footer_digest(handle) not in path.split("."):
            raise ValueError("its footer is not the one that was written")
        handle.seek(0)
        # Arrow's own threads may let go of the handle only while the interpreter ends, and then abort the process.
        file = pq.ParquetFile(handle, pre_buffer=False, page_checksum_verification=True)
        return file.read(names, use_threads=False)


def _footer_digest(handle: IO[Any]) -> str:
    """Of the footer's bytes, its length and the mark at the end.

    Raises:
        ValueError: the file is too short.
    """
    size = handle.seek(0, io.SEEK_END)
    if size < TAIL:
        raise ValueError(f"it has {size} bytes")
    handle.seek(size - TAIL)
    length = struct.unpack("<I", handle.read(TAIL)[:4])[0] + TAIL
    if length > size:
        raise ValueError("it is cut")
    handle.seek(size - length)
    return xxhash.xxh3_64_hexdigest(handle.read(length))
