"""The pictures of the documentation, taken anew: both kinds of questions in Label Studio, and the report of a demo.

python -m tests.support.pictures DEMO_WORKSPACE
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from reground.annotations.label_studio import run_server
from reground.annotations.review import DATA_DIR, DOCUMENT_ROOT, ReviewSettings, push_questions
from reground.annotations.rounds import read_tasks
from reground.tasks.schema import ImageId
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import fill, fill_beside, photographs
from tests.support.needs import ROOT, need_chromium
from tests.support.screens import FLAGS, ROW, TILE, browser, open_stream

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = {"width": 1280, "height": 1420}


def report_picture(report: Path, folder: Path) -> None:
    """The top of a report in a light theme."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=need_chromium(), args=FLAGS)
        page = chromium.new_page(viewport=SIZE, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.add_style_tag(content="#labels, #models { display: none }")  # the photographs come into view
        _keep(page, folder / "report.png")
        chromium.close()


def review_pictures(folder: Path) -> None:
    """Both screens, filled in with photographs."""
    with tempfile.TemporaryDirectory() as data:
        workspace = Workspace(data)
        images = photographs()
        labels = {stem: int(stem.rpartition("_")[2]) for stem in images}
        settings = ReviewSettings(selection="candidates")
        with run_server(Path(data, DATA_DIR), 0, Path(data, DOCUMENT_ROOT)) as server:
            fill(workspace, dict.fromkeys((stem for stem in labels if stem != "imagenet_07_609"), (609,)), images)
            fill_beside(workspace)
            grid = push_questions(workspace, settings, "contains").project_id
            (task,) = read_tasks(workspace)
            jeep = task.question.options[task.question.image_ids.index(ImageId("imagenet_06_609"))]
            fill(workspace, {"imagenet_00_243": (243, 242, 246, 247, 251, 168, 159)}, images)
            fill_beside(workspace)
            single = push_questions(workspace, settings, "classify").project_id
            with browser(server.url, server.credentials.email, server.credentials.password) as page:
                open_stream(page, server.url, grid, TILE)
                page.click(f"{TILE}:has(input[name='{jeep}']) img")
                page.mouse.move(0, 0)
                _keep(page, folder / "review-contains.png")
                open_stream(page, server.url, single, ROW)
                page.click(f"{ROW}:has(input[name='bull mastiff'])")
                page.click(".mains .lsf-choice:has(.ant-radio-input) >> nth=" + str(_place(page, "bull mastiff")))
                page.keyboard.press("z")
                _keep(page, folder / "review-classify.png")


def _place(page: Page, name: str) -> int:
    names = page.locator(f"{ROW} input").evaluate_all("inputs => inputs.map(input => input.name)")
    return names.index(name)


def _keep(page: Page, picture: Path) -> None:
    """Write what the page shows, in 256 colours."""
    page.wait_for_timeout(400)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(256, Image.Quantize.MEDIANCUT, kmeans=2).save(picture, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.support.pictures DEMO_WORKSPACE")
    report_picture(Path(sys.argv[1], "files", "report.html"), ROOT / "docs")
    review_pictures(ROOT / "docs")
