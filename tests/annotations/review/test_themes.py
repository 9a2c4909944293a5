"""Both questions can be read in Label Studio's light and dark themes, on small and on large screens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reground.annotations.review import push_questions
from tests.support.label_studio_world import PASSWORD, LabelStudio, fill_beside
from tests.support.needs import need_chromium, need_package
from tests.support.screens import ROW, TILE, browser, faint_texts, open_stream, press_until, set_theme

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

EMAIL = "eye@reground.local"
SIZES = ((1280, 720), (2560, 1440))
CANDIDATES = {
    "classify": {"imagenet_00_243": (243, 242, 246, 254, 168)},
    "contains": dict.fromkeys(("imagenet_00_243", "imagenet_06_609", "imagenet_07_609"), (609,)),
}


@pytest.fixture(autouse=True)
def _needs() -> None:
    need_package("playwright")
    need_chromium()


def tick(page: Page, kind: str) -> None:
    """Answer in part, so that ticked and unticked options are on the page, with the guidelines open."""
    press_until(page, "1", ".reground input:checked")
    page.keyboard.press("3")
    if kind == "classify":
        page.wait_for_selector(".mains .lsf-choice")
        page.keyboard.press("q")
        page.keyboard.press("x")
    page.click("text=Guidelines and keys")
    page.locator(".guidelines >> text=the kind must be right").wait_for()


@pytest.mark.parametrize("kind", ["contains", "classify"])
def test_every_text_stands_out_in_both_themes(label_studio: LabelStudio, tmp_path: Path, kind: str):
    workspace = label_studio.workspace(tmp_path / "w", CANDIDATES[kind])
    fill_beside(workspace)
    project_id = push_questions(workspace, label_studio.settings(), kind).project_id
    url = label_studio.server.url
    label_studio.annotator(EMAIL)
    with browser(url, EMAIL, PASSWORD) as page:
        for theme in ("Light", "Dark"):
            set_theme(page, theme)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                open_stream(page, url, project_id, ROW if kind == "classify" else TILE)
                assert page.locator("html").get_attribute("data-color-scheme") == theme.lower()
                tick(page, kind)
                assert faint_texts(page) == [], (theme, width)
                wide = page.evaluate("document.querySelector('.reground').scrollWidth")
                assert wide <= width, "nobody needs to scroll sideways"
        page.add_style_tag(content=".reground .ant-collapse-content * { color: #333 !important }")
        assert faint_texts(page), "dark text in the dark theme is found"
