"""How soon a person can work on a full grid, in a real browser.

``python -m benchmarks.review_screen [--times 5]`` starts a Label Studio with the settings that `reground
review serve` gives it, creates one CONTAINS question of 48 photographs with control images and
examples, and opens it in Chromium, each time in a fresh browser with an empty cache: ``usable_s`` is from
the click to a page whose 48 tiles can be ticked and whose pictures in sight are drawn; ``shell_s`` is
Label Studio's own list of projects, in turns, which no question can beat. ``ratio`` is usable / shell.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record import record
from reground.annotations.label_studio import LabelStudioServer, run_server
from reground.annotations.review import DATA_DIR, DOCUMENT_ROOT, ReviewSettings, push_questions
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import fill, photographs
from tests.support.screens import TILE, browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRID, LABEL = 48, 609
DRAWN = """() => [...document.querySelectorAll('.reground img')].filter(image => {
    const box = image.getBoundingClientRect();
    return box.top < window.innerHeight && box.bottom > 0;
}).every(image => image.complete && image.naturalWidth > 0)"""


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser("benchmarks.review_screen")
    parser.add_argument("--times", type=int, default=5, help="each page is opened")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        files = {f"{stem}_{copy}": path for copy in range(3) for stem, path in photographs().items()}
        fill(workspace, dict.fromkeys(list(files)[:GRID], (LABEL,)), files)
        with run_server(Path(folder, DATA_DIR), 0, Path(folder, DOCUMENT_ROOT)) as server:
            project = push_questions(workspace, ReviewSettings(), "contains").project_id
            pairs = [measure(server, project) for _ in range(times)]
    usable, shell = (statistics.median(column) for column in zip(*pairs, strict=True))
    record(
        "review_screen",
        {"tiles": GRID, "times": times, "usable_s": usable, "shell_s": shell, "ratio": usable / shell},
        ("label-studio-sdk", "playwright"),
    )


def measure(server: LabelStudioServer, project: int) -> tuple[float, float]:
    """Seconds to a usable grid, and to Label Studio's list of projects, in one fresh browser."""
    with browser(server.url, server.credentials.email, server.credentials.password) as page:
        shell = seconds(page, f"{server.url}/projects/", "text=Contains, round 1", "() => true")
        return seconds(page, f"{server.url}/projects/{project}/data?labeling=1", TILE, DRAWN), shell


def seconds(page: Page, address: str, shown: str, ready: str) -> float:
    """From the click until ``shown`` is there and ``ready`` holds."""
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(shown)
    page.wait_for_function(ready)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
