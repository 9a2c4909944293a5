"""Aggregating every ReaL vote by Dawid-Skene: time and peak memory, beside crowd-kit's.

``python -m benchmarks.aggregation --data FOLDER [--pairs N]`` with FOLDER laid out as
google-research/reassessed-imagenet. crowd-kit knows only as many states as answers, so both solve
that problem (three states, three answers, no smoothing) in as many iterations as ours takes to
converge, and the largest difference between the two results is recorded. Ours with two states, as
``reground truth`` runs it, is timed besides. Each runs in a process of its own on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import peak_mib
from benchmarks.record import record
from reground.annotations.published import import_votes
from reground.annotations.truth.methods import SMOOTHING, dawid_skene_posterior
from reground.tasks.kernels.dawid_skene import DawidSkeneEstimate, Votes, dawid_skene
from reground.tasks.votes import ANSWER_WEIGHTS, REASSESSED, VOTE_COLUMNS, VotePolicy, encode, read_votes
from reground.tasks.workspace import Workspace

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(data: Path, folder: Path, pairs: int) -> int:
    """Keep the votes as columns of numbers; how many they are."""
    workspace = Workspace(folder / "workspace")
    import_votes(workspace, "real", data)
    votes = encode(read_votes(workspace, VotePolicy(), VOTE_COLUMNS))
    chosen = votes.pair < (pairs or len(votes.label))
    item, annotator, answer = (column[chosen] for column in (votes.pair, votes.annotator, votes.answer))
    np.savez(folder / "votes.npz", item=item, annotator=annotator, answer=answer)
    return int(chosen.sum())


def load(folder: Path) -> tuple[Votes, int]:
    held = np.load(folder / "votes.npz")
    return Votes(held["item"], held["annotator"], held["answer"]), int(held["item"].max()) + 1


def three_states(folder: Path, iterations: int) -> tuple[float, Array, int]:
    """Seconds, posterior and iterations of ours with as many states as answers."""
    votes, items = load(folder)
    begun = time.perf_counter()
    start = np.zeros((items, 3))
    np.add.at(start, (votes.item, votes.answer), 1)
    found = dawid_skene(votes, start / start.sum(axis=1, keepdims=True), smoothing=0.0)
    return time.perf_counter() - begun, found.posterior, len(found.objective)


def two_states(folder: Path, iterations: int) -> tuple[float, Array, int]:
    """The same with two states and smoothing, one prior for all."""
    votes, items = load(folder)
    begun = time.perf_counter()
    share = np.bincount(votes.item, ANSWER_WEIGHTS[votes.answer], items) / np.bincount(votes.item, minlength=items)
    found: DawidSkeneEstimate = dawid_skene(votes, np.stack([1 - share, share], axis=1), smoothing=SMOOTHING)
    return time.perf_counter() - begun, found.posterior, len(found.objective)


def crowd_kit(folder: Path, iterations: int) -> tuple[float, Array, int]:
    """crowd-kit in as many iterations as it is told (``tol`` is far below any rise)."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    votes, _ = load(folder)
    frame = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.answer})
    begun = time.perf_counter()
    found = DawidSkene(n_iter=iterations, tol=-1e9).fit(frame)
    seconds = time.perf_counter() - begun
    assert found.probas_ is not None
    return seconds, found.probas_.sort_index()[[0, 1, 2]].to_numpy(), iterations


def from_table(folder: Path, iterations: int) -> tuple[float, Array, int]:
    """From the table ``votes`` to a confidence for every label: what the step does but for its rows."""
    begun = time.perf_counter()
    votes = encode(read_votes(Workspace(folder / "workspace"), VotePolicy(), VOTE_COLUMNS))
    alike = np.zeros(len(votes.label), np.int64)
    confidence = dawid_skene_posterior(votes, alike, alike > 0)
    return time.perf_counter() - begun, confidence, 0


RUNS: dict[str, Callable[[Path, int], tuple[float, Array, int]]] = {
    run.__name__: run for run in (three_states, two_states, crowd_kit, from_table)
}


def apart(name: str, folder: Path, iterations: int = 0) -> dict[str, Any]:
    """One run in a fresh process on one core; leaves its posterior beside the votes."""
    one_core = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, "-m", "benchmarks.aggregation", "--inside", str(folder), name, str(iterations)]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **one_core})
    return json.loads(made.stdout.splitlines()[-1])


def inside(folder: Path, name: str, iterations: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    seconds, posterior, taken = RUNS[name](folder, iterations)
    np.save(folder / f"{name}.npy", posterior)
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib(), "iterations": taken}))


def measure(data: Path, pairs: int, folder: Path) -> dict[str, object]:
    votes = prepare(data, folder, pairs)
    ours = apart("three_states", folder)
    theirs = apart("crowd_kit", folder, ours["iterations"])
    two, table = apart("two_states", folder), apart("from_table", folder)
    difference = np.abs(np.load(folder / "three_states.npy") - np.load(folder / "crowd_kit.npy")).max()
    return {
        "source": REASSESSED,
        "votes": votes,
        "iterations": ours["iterations"],
        "seconds": ours["seconds"],
        "crowd_kit_seconds": theirs["seconds"],
        "ratio": theirs["seconds"] / ours["seconds"],
        "largest_difference": f"{difference:.1e}",
        "peak_mib": ours["peak_mib"],
        "crowd_kit_peak_mib": theirs["peak_mib"],
        "two_states_seconds": two["seconds"],
        "two_states_peak_mib": two["peak_mib"],
        "from_table_seconds": table["seconds"],
        "from_table_peak_mib": table["peak_mib"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of raters.npz")
    parser.add_argument("--pairs", type=int, default=0, help="only the first N pairs (default: all)")
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.inside:
        folder, name, iterations = told.inside
        inside(Path(folder), name, int(iterations))
        return
    if not told.data:
        parser.error("expected --data FOLDER with raters.npz")
    with tempfile.TemporaryDirectory() as temporary:
        numbers = measure(told.data, told.pairs, Path(temporary))
    record("aggregation", numbers, ("numpy", "scipy", "pyarrow", "crowd-kit"))


if __name__ == "__main__":
    main()
