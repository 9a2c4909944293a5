"""The manifest at 1,000, 25,000 and 1,000,000 entries: seconds to open it, to ask it what a plan asks, and memory.

python -m benchmarks.manifest
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time

import pyarrow as pa

from benchmarks.record import record
from reground.tasks.storage import open_storage
from reground.tasks.workspace import Workspace
from reground.tasks.workspace.chain import Chain
from reground.tasks.workspace.chain_writer import Writer
from reground.tasks.workspace.entry_rows import to_rows
from reground.tasks.workspace.manifest import Entry, Part

TABLES = {
    "index": "images",
    "masks": "masks",
    "predict": "predictions/m",
    "candidates": "candidates",
    "votes": "votes",
    "truth": "truth",
    "evaluate": "evaluation",
    "report": "dropped",
}
SIZES = (1_000, 25_000, 1_000_000)


def fill(folder: str, entries: int) -> None:
    chain = Chain(open_storage(folder))
    writer = Writer(chain, chain.read())
    layers = []
    for step, table in TABLES.items():
        paths = (
            f"tables/{table}/{step}-{number:08d}.{number:012x}.{number:016x}.parquet" for number in range(entries // 8)
        )
        parts = (Part(path, 64, 1_000, f"{number:032x}") for number, path in enumerate(paths))
        layers.append(to_rows(Entry(step, f"{n:08d}", f"{n:032x}", {table: part}, {}) for n, part in enumerate(parts)))
    writer.commit(pa.concat_tables(layers))
    writer.fold()


def measure(folder: str, entries: int) -> None:
    start = time.perf_counter()
    workspace = Workspace(folder).snapshot()
    opened = time.perf_counter()
    for step, table in TABLES.items():
        workspace.keys(step), workspace.table_digest(table), workspace.count(table)
    asked = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    numbers = {"entries": entries, "open_s": opened - start, "ask_s": asked - opened, "peak_mb": peak}
    record("manifest", numbers, ("pyarrow",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES, help="sizes of the manifest")
    sizes = parser.parse_args().entries
    spawn = multiprocessing.get_context("spawn")
    for entries in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for job in (fill, measure):
                process = spawn.Process(target=job, args=(folder, entries))
                process.start()
                process.join()


if __name__ == "__main__":
    main()
