"""Keep what was measured: a row in ``benchmarks/results/NAME.csv``, with machine and versions."""

from __future__ import annotations

import csv
import datetime
import importlib.metadata
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

RESULTS = Path(os.environ.get("BENCHMARK_RESULTS", "") or Path(__file__).parent / "results")


def record(name: str, numbers: Mapping[str, object], packages: Sequence[str] = ()) -> None:
    """Print the numbers and append them, as one row a call; all calls of a benchmark give the same columns."""
    row = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "cpu": cpu_model(),
        "versions": " ".join(
            [f"python {platform.python_version()}", *(f"{p} {importlib.metadata.version(p)}" for p in packages)]
        ),
        **{key: f"{value:.3f}" if isinstance(value, float) else value for key, value in numbers.items()},
    }
    path = RESULTS / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
    print("\n".join(f"{key:24} {value}" for key, value in row.items()))


def cpu_model() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
