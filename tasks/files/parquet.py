"""Parquet from elsewhere.

A small file may stand for much (a text of megabytes that a million rows share, a list of a billion equal numbers), and
a damaged one can end the process that reads it. A process of its own reads it, with limits on memory and time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from reground.tasks.files.content import ContentError

if TYPE_CHECKING:
    import pyarrow as pa

MODULE: Final = "reground.tasks.files.parquet_child"
MAX_VALUES: Final = 50_000_000
"""Default limit: fifty times the 924,810 votes of ReaL, the most that are published."""


@contextlib.contextmanager
def open_parquet(path: Path, max_values: int = MAX_VALUES) -> Iterator[ParquetTable]:
    """A Parquet file, open for reading.

    Args:
        path: of the file.
        max_values: largest number of values of a column, those in lists included.

    Raises:
        OSError: it cannot be read.
        ContentError: it is not Parquet, or over a limit.
    """
    with path.open("rb"):
        pass  # whatever the system says of the path, in its own words
    command = [sys.executable, "-P", "-m", MODULE, str(path), str(max_values)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process,
    ):
        try:
            yield ParquetTable(process, errors)
        finally:
            process.kill()


class ParquetTable:
    """The rows that a process reads from a Parquet file.

    Attributes:
        names: of its columns.
    """

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        import pyarrow as pa

        self._process, self._errors = process, errors
        self._stream = self._read(lambda: pa.ipc.open_stream(process.stdout))
        self.names = tuple(self._stream.schema.names)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The cells of each row, in the order of `names`.

        Raises:
            ContentError: the file is damaged, or over a limit.
        """
        for batch in self.batches():
            yield from zip(*self._read(lambda batch=batch: [cells(column) for column in batch.columns]), strict=True)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Consecutive rows as Arrow has them; columns of texts are dictionaries.

        Raises:
            ContentError: the file is damaged, or over a limit.
        """
        batches = iter(self._stream)
        while (batch := self._read(lambda: next(batches, None))) is not None:
            yield batch
        if self._process.wait():
            raise ContentError(self._reason())

    def _read(self, read: Callable[[], Any]) -> Any:
        """Read from the process.

        Raises:
            ContentError: with the reason that the process gives.
        """
        import pyarrow as pa

        try:
            return read()
        except UnicodeDecodeError as error:
            raise ContentError(f"it has text that is not UTF-8: {error}") from error
        except MemoryError as error:
            raise ContentError("its rows do not fit into the memory of this machine") from error
        except (OSError, pa.ArrowException) as error:
            if self._process.stdout:
                self._process.stdout.close()  # a process that still writes would wait for its reader
            self._process.wait()
            raise ContentError(self._reason() or str(error)) from error

    def _reason(self) -> str:
        """Why the process ended; empty where it came to the end of the file."""
        status = self._process.returncode
        if status < 0:
            name = signal.Signals(-status).name
            return f"it is damaged, or takes too much memory or time: reading it ended with {name}"
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-300:] if status else ""


def cells(array: pa.Array) -> Sequence[Any]:
    """Cells as Python values; those that share a text in the file share it here."""
    import pyarrow as pa

    if isinstance(array, pa.DictionaryArray):
        texts = array.dictionary.to_pylist()
        return [None if index is None else texts[index] for index in array.indices.to_pylist()]
    return array.to_pylist()
