"""The process that reads a Parquet file for `reground.tasks.files.parquet`, and passes it on as an Arrow stream.

A damaged file can end a process that reads it: Arrow throws C++ exceptions that Python never sees, and allocates
what a header promises.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reground.tasks.files.content import ContentError

BATCH_ROWS: Final = 10_000
"""Rows in memory at a time."""
MAX_MEMORY: Final = 8_000_000_000
"""Bytes of address space, of which Python and Arrow take one or two billion."""
MAX_SECONDS: Final = 900
"""Of CPU time; the most values that are read take a minute."""
MAX_TEXT_BYTES: Final = 1_000_000
"""Of a text in a cell."""
MAX_COLUMNS: Final = 1_000


def limit_process(memory: int, seconds: int) -> None:
    """Limit the address space and the CPU time of this process, where the system can (macOS limits the time only)."""
    try:
        import resource
    except ImportError:  # Windows has neither limit
        return
    for kind, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, hard))


def write_stream(path: str, out: pa.NativeFile, max_values: int) -> None:
    """Write the rows of a Parquet file as an Arrow stream; texts are dictionaries, so that rows share them.

    Args:
        path: of the file.
        out: written to.
        max_values: largest number of values of a column, those in lists included.

    Raises:
        OSError: the file cannot be read.
        ContentError: it is over a limit.
        pa.ArrowException: it is damaged.
    """
    with pq.ParquetFile(path) as file:
        _check_size(file.metadata, max_values)
        columns = [file.schema.column(number) for number in range(len(file.schema))]
    # Arrow reads texts in lists as dictionaries only where a batch has a single one.
    texts = [x.path for x in columns if x.physical_type == "BYTE_ARRAY" and x.path == x.name]
    with (
        pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as file,
        pa.ipc.new_stream(out, file.schema_arrow) as stream,
    ):
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            for column in batch.columns:
                _check_texts(column)
            stream.write_batch(batch)


def _check_size(metadata: pq.FileMetaData, max_values: int) -> None:
    if metadata.num_columns > MAX_COLUMNS:
        raise ContentError(f"it has {metadata.num_columns:,} columns, over the limit of {MAX_COLUMNS:,}")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    num_values = (sum(group.column(number).num_values for group in groups) for number in range(metadata.num_columns))
    if max(num_values, default=0) > max_values or metadata.num_rows > max_values:
        raise ContentError(f"a column has over {max_values:,} values, the limit: split the file")


def _check_texts(array: pa.Array) -> None:
    if isinstance(array, pa.DictionaryArray):
        _check_texts(array.dictionary)
    elif isinstance(array, pa.ListArray | pa.LargeListArray):
        _check_texts(array.values)
    elif isinstance(array, pa.StringArray | pa.LargeStringArray | pa.BinaryArray | pa.LargeBinaryArray):
        longest = pc.max(pc.binary_length(array)).as_py() or 0  # pyright: ignore[reportAttributeAccessIssue]
        if longest > MAX_TEXT_BYTES:
            raise ContentError(f"it has a text of {longest:,} bytes, over the limit of {MAX_TEXT_BYTES:,}")


def main(path: str, max_values: int) -> int:
    """The exit status: 0 once all is written, else 1, with the reason on standard error."""
    limit_process(MAX_MEMORY, MAX_SECONDS)
    try:
        write_stream(path, pa.PythonFile(sys.stdout.buffer, "w"), max_values)
    except (ContentError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:  # Arrow raises exceptions of many types, among them MemoryError
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
