"""The site in a real browser, opened from its folder: accessible in both themes, searchable, without a request."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.needs import need_chromium
from tests.support.screens import FLAGS
from tests.support.site import Site, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["site"]

pytestmark = pytest.mark.slow

PAGES = (
    "index.html",
    "how-to/review.html",
    "reference/commands.html",
    "reference/api/reground.tasks.kernels.intervals.html",
    "reference/settings.html",
    "glossary.html",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=FLAGS)
        yield browser
        browser.close()


SCREENS = [(1280, "light"), (400, "dark"), (1280, "dark"), (400, "light")]
"""Width and theme: all for the first page, whose frame the others share; for the others, each width and theme once."""


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [(name, *screen) for name in PAGES for screen in (SCREENS if name == PAGES[0] else SCREENS[:2])],
)
def test_axe_finds_nothing_serious(site: Site, chromium: Browser, name: str, width: int, scheme: Any) -> None:
    page = _open(chromium, site, name, width, scheme)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    violations = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    page.close()
    serious = [found for found in violations if found["impact"] in ("serious", "critical")]
    assert not [(found["id"], [node["target"] for node in found["nodes"]][:5]) for found in serious]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_readers(site: Site, chromium: Browser, scheme: Any) -> None:
    page = _open(chromium, site, "index.html", 1280, scheme)
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    page.close()
    assert (sum(colour[:3]) < 3 * 128) == (scheme == "dark")


def test_the_search_works_from_the_folder_without_a_request(site: Site, chromium: Browser) -> None:
    page = chromium.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((site.folder / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("quarantine")
    page.wait_for_selector("a[href*='masks.html']:visible >> text=/quarantine/i")
    page.close()
    assert requests
    assert not [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]


def _open(chromium: Browser, site: Site, name: str, width: int, scheme: Any) -> Page:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto((site.folder / name).as_uri())
    page.wait_for_load_state("networkidle")
    return page
