"""Label Studio's screens in a real browser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.support.needs import need_chromium
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
