"""Neighbours and poison of synthetic features: processor seconds against the bare blocked matrix product, and memory.

``python -m benchmarks.suspect_vectors [--images 50000] [--features 1280] [--queries 8192] [--classes 1000]``; queries
are those whose neighbours among all images are measured (0: all), and as many rows are in the bare product. Both run
in turns, the best of each counts. Set ``OMP_NUM_THREADS=1`` on a busy machine.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from benchmarks.record import record
from reground.tasks.kernels.class_outliers import class_outliers
from reground.tasks.kernels.nearest_neighbours import BLOCK, Floats, nearest_neighbours, normalise

EPS = 0.05


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(queries: Floats, base: Floats) -> None:
    """The products alone, block by block."""
    for start in range(0, len(queries), BLOCK):
        for column in range(0, len(base), BLOCK):
            queries[start : start + BLOCK] @ base[column : column + BLOCK].T


def classes(vectors: np.ndarray, count: int) -> None:
    for rows in np.array_split(vectors, count):
        class_outliers(rows, EPS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=1280)
    parser.add_argument("--queries", type=int, default=8192)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((arguments.images, arguments.features), np.float32).astype(np.float16)
    base = normalise(vectors)
    queries = base[: arguments.queries or len(base)]
    rounds = [
        (seconds(lambda: bare(queries, base)), seconds(lambda: nearest_neighbours(queries, base, 10, own=0)))
        for _ in range(arguments.rounds)
    ]
    product, neighbours = (min(times) for times in zip(*rounds, strict=True))
    peak = peak_mib()
    poison = seconds(lambda: classes(vectors, arguments.classes))
    record(
        "suspect_vectors",
        {
            "images": arguments.images,
            "features": arguments.features,
            "queries": len(queries),
            "classes": arguments.classes,
            "product_s": product,
            "neighbours_s": neighbours,
            "ratio": neighbours / product,
            "peak_mib": peak,
            "features_mib": base.nbytes / 2**20,
            "poison_s": poison,
        },
        ("numpy",),
    )


if __name__ == "__main__":
    main()
