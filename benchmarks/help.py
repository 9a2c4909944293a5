"""How long `reground --help` takes, as a multiple of starting Python.

    python -m benchmarks.help [--repeats N]

Records the median seconds of ``reground --help``, of one command's help, and the ratios of these to ``python -c pass``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks.record import record

COMMANDS = {
    "python": ["-c", "pass"],
    "help": ["-m", "reground", "--help"],
    "help_of_masks": ["-m", "reground", "masks", "--help"],
}


def seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    # Interleaved, so that other work on the machine slows all of them alike.
    rounds = [{name: seconds(arguments) for name, arguments in COMMANDS.items()} for _ in range(repeats)]
    medians = {name: statistics.median(times[name] for times in rounds) for name in COMMANDS}
    ratios = {f"{name} against python": median / medians["python"] for name, median in medians.items()}
    record("help", {"repeats": repeats, **medians, **ratios})


if __name__ == "__main__":
    main()
