"""A workspace in an object store against one in a folder: the same steps, and the requests of a status.

    python -m benchmarks.object_store --images FOLDER --boxes FOLDER [--entries 25000]

The store is a server on this machine (moto), so its answers take a millisecond; count requests before seconds. Both
sides index the same photographs, and make masks and variants, by threads. ``status`` is asked of the finished
workspace, and of one whose manifest has many entries; ``open`` reads such a manifest and asks it what a plan asks.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.manifest import TABLES, fill
from benchmarks.memory import SETTINGS, Silent
from benchmarks.record import record
from reground.flows.cli.status import status
from reground.flows.run import Runner, run_step
from reground.flows.steps import find
from reground.tasks.cores import cores
from reground.tasks.workspace import Workspace
from tests.support.bucket import SECRETS, make_bucket, s3_server
from tests.support.large_workspace import fill as fill_workspace
from tests.support.store_requests import count_requests

STEPS = ("index", "masks", "variants")


def run_steps(url: str, images: Path, boxes: Path) -> dict[str, float]:
    """Wall seconds of each step."""
    workspace, seconds = Workspace(url), dict[str, float]()
    for name in STEPS:
        values = {"images": str(images), "boxes": str(boxes)} if name == "index" else SETTINGS.get(name, {})
        began = time.perf_counter()
        run_step(name, workspace, find(name).settings(**values), Runner("threads", cores()), Silent())
        seconds[name] = time.perf_counter() - began
    return seconds


def ask_status(url: str) -> None:
    status(workspace=url)


def ask_manifest(url: str) -> None:
    snapshot = Workspace(url).snapshot()
    for step, table in TABLES.items():
        snapshot.keys(step)
        snapshot.table_digest(table)
        snapshot.count(table)


def measure(ask: Callable[[str], None], url: str) -> dict[str, float]:
    began = time.perf_counter()
    with count_requests() as requests:
        ask(url)
    return {"seconds": time.perf_counter() - began, "requests": len(requests)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="their box XML")
    parser.add_argument("--entries", type=int, default=25_000, help="of the manifest that is opened")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, s3_server() as address:
        os.environ.update(SECRETS, AWS_ENDPOINT_URL=address)
        bucket = make_bucket(address).url
        local = run_steps(f"{folder}/w", options.images, options.boxes)
        remote = run_steps(f"{bucket}/w", options.images, options.boxes)
        fill(f"{bucket}/manifest", options.entries)
        fill_workspace(Workspace(f"{bucket}/large"), options.entries)
        entries = len(Workspace(f"{bucket}/w").entries())
        rows = [
            *({"what": name, "seconds": remote[name], "ratio": remote[name] / local[name]} for name in STEPS),
            {"what": "status", "entries": entries, **measure(ask_status, f"{bucket}/w")},
            {"what": "status", "entries": options.entries, **measure(ask_status, f"{bucket}/large")},
            {"what": "open", "entries": options.entries, **measure(ask_manifest, f"{bucket}/manifest")},
        ]
    for row in rows:
        record("object_store", {"entries": "", "requests": "", "ratio": "", **row}, ("obstore", "pyarrow"))


if __name__ == "__main__":
    main()
