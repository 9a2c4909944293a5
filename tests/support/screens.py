"""Label Studio's screens in a real browser; run as a module, it makes the pictures of the README.

python -m tests.support.screens
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from reground.annotations.label_studio import run_server
from reground.annotations.review import DATA_DIR, DOCUMENT_ROOT, ReviewSettings, push_questions
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import fill, fill_beside, photographs
from tests.support.needs import ROOT, need_chromium
from tests.support.waiting import HANG

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TILE = ".grid .lsf-choice"
ROW = ".names .lsf-choice"
DOCS = {"contains": "review-contains.png", "classify": "review-classify.png"}


@contextlib.contextmanager
def browser(url: str, email: str, password: str) -> Iterator[Page]:
    """A page of a fresh Chromium, logged in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=need_chromium(), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(1000 * HANG)
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/user/login" not in address)
        yield page
        chromium.close()


def open_stream(page: Page, url: str, project_id: int, shown: str) -> None:
    """The next question of a project, as its annotators get it, once ``shown`` is there."""
    page.goto(f"{url}/projects/{project_id}/data?labeling=1")
    page.wait_for_selector(shown)
    page.wait_for_load_state("networkidle")


def main() -> None:
    """Fill in both screens with photographs and keep what they look like."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        images = photographs()
        labels = {stem: int(stem.rpartition("_")[2]) for stem in images}
        settings = ReviewSettings()
        with run_server(Path(folder, DATA_DIR), 0, Path(folder, DOCUMENT_ROOT)) as server:
            fill(workspace, dict.fromkeys((stem for stem in labels if stem != "imagenet_07_609"), (609,)), images)
            fill_beside(workspace)
            grid = push_questions(workspace, settings, "contains").project_id
            fill(workspace, {"imagenet_00_243": (243, 242, 246, 247, 251, 168, 159)}, images)
            fill_beside(workspace)
            single = push_questions(workspace, settings, "classify").project_id
            with browser(server.url, server.credentials.email, server.credentials.password) as page:
                open_stream(page, server.url, grid, TILE)
                page.click(f"{TILE}:has(input[name=imagenet_06_609]) img")
                page.mouse.move(0, 0)
                _keep(page, "contains")
                open_stream(page, server.url, single, ROW)
                page.click(f"{ROW}:has(input[name='bull mastiff'])")
                page.click(".mains .lsf-choice:has(.ant-radio-input) >> nth=" + str(_place(page, "bull mastiff")))
                page.keyboard.press("z")
                _keep(page, "classify")


def _place(page: Page, name: str) -> int:
    names = page.locator(f"{ROW} input").evaluate_all("inputs => inputs.map(input => input.name)")
    return names.index(name)


def _keep(page: Page, question: str) -> None:
    page.wait_for_timeout(400)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(256, Image.Quantize.MEDIANCUT, kmeans=2).save(ROOT / "docs" / DOCS[question], optimize=True)


if __name__ == "__main__":
    main()
