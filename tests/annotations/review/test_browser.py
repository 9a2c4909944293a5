"""Both questions in a real browser: what a person ticks is what the table of votes holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reground.annotations.review import pull_votes, push_questions
from reground.annotations.rounds import TILE_KEYS, read_tasks
from tests.support.label_studio_world import PASSWORD, LabelStudio, fill, photographs
from tests.support.needs import need_chromium, need_package
from tests.support.screens import ROW, TILE, browser, open_stream

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

LOADED = "images => images.every(image => image.complete && image.naturalWidth > 0)"
WHOLE = "image => image.style.transform.endsWith('(0px, 0px, 0px)')"
"""Neither zoomed nor shifted: the frame cuts nothing off."""
EMAIL = "eye@reground.local"


@pytest.fixture(autouse=True)
def _needs() -> None:
    need_package("playwright")
    need_chromium()


def read_guidelines(page: Page) -> None:
    """One click away on the page itself, and back; the keys are among them."""
    told = page.locator(".guidelines >> text=the kind must be right")
    assert not told.is_visible()
    page.click("text=Guidelines and keys")
    told.wait_for()
    assert "Ctrl+Enter submits" in page.locator(".guidelines").inner_text()
    page.click("text=Guidelines and keys")
    told.wait_for(state="hidden")


def press(page: Page, key: str) -> None:
    """A key as the screen writes it."""
    page.keyboard.press(f"Shift+{key[-1].upper()}" if key.startswith("shift+") else key)


def votes_of(workspace, settings):
    pull_votes(workspace, settings)
    votes = workspace.read("votes")
    assert not len(workspace.read("dropped")), workspace.read("dropped").to_dict("records")
    assert set(workspace.read("annotators")["address"]) == {EMAIL} and (votes["seconds"] > 0).all()
    return votes


def test_a_grid_of_48_is_ticked_by_mouse_and_by_key(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    files = photographs()
    many = {f"{stem}_{copy}": path for copy in range(3) for stem, path in files.items()}
    grid = dict(list(many.items())[:48])
    fill(workspace, dict.fromkeys(grid, (609,)), grid)
    project = push_questions(workspace, settings, "contains").project_id
    (task,) = read_tasks(workspace)
    url = label_studio.server.url
    label_studio.annotator(EMAIL)
    with browser(url, EMAIL, PASSWORD) as page:
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        open_stream(page, url, project, TILE)
        assert page.locator(TILE).count() == 48
        assert page.locator(f"{TILE} input:checked").count() == 0
        read_guidelines(page)
        page.locator(f"{TILE} img").last.scroll_into_view_if_needed()
        page.wait_for_load_state("networkidle")
        assert page.locator(f"{TILE} img").evaluate_all(LOADED)
        text = page.locator(".reground").inner_text()
        assert "Tick every photograph that contains jeep" in text and "rough terrain" in text
        assert "imagenet" not in text
        for number, key in enumerate(TILE_KEYS, 1):  # every tile has one, and no two the same
            press(page, key)
            assert page.locator(f"{TILE} input:checked").count() == number
        for key in TILE_KEYS:
            press(page, key)
        assert page.locator(f"{TILE} input:checked").count() == 0
        options = dict(zip(map(str, task.question.image_ids), task.question.options, strict=True))
        names = page.locator(f"{TILE} input").evaluate_all("inputs => inputs.map(input => input.name)")
        assert names == list(options.values()) and "imagenet" not in page.content()
        for image_id in ("imagenet_06_609_0", "imagenet_07_609_1"):
            page.locator(f"{TILE}:has(input[name='{options[image_id]}']) img").click()
        page.keyboard.press("1")
        assert page.locator(f"{TILE} input:checked").count() == 3
        with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
            page.keyboard.press("Control+Enter")
        assert all(address.startswith((url, "data:", "blob:")) for address in asked)
    votes = votes_of(workspace, settings)
    ticked = {"imagenet_06_609_0", "imagenet_07_609_1", task.question.image_ids[0]}
    assert set(votes[votes["answer"] == "yes"]["image_id"]) == ticked
    assert set(votes["image_id"]) == set(grid) and set(votes["class_idx"]) == {609}


def test_classify_is_answered_by_keyboard(label_studio: LabelStudio, tmp_path: Path):
    labels = (243, 242, 246, 254, 168)
    workspace = label_studio.workspace(tmp_path / "w", {"imagenet_00_243": labels})
    settings = label_studio.settings()
    project = push_questions(workspace, settings, "classify").project_id
    (task,) = read_tasks(workspace)
    url = label_studio.server.url
    label_studio.annotator(EMAIL)
    with browser(url, EMAIL, PASSWORD) as page:
        open_stream(page, url, project, ROW)
        assert page.locator(ROW).count() == len(labels)
        assert page.locator(".reground input:checked").count() == 0
        assert "large powerful breed" in page.locator(".names").inner_text()
        assert page.locator(".picture img").evaluate_all(LOADED)
        read_guidelines(page)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("text=Tick every label that names something in the photograph, or")
        page.keyboard.press("Escape")
        page.keyboard.press("0")
        assert page.locator(".none input:checked").count() == 1
        page.keyboard.press("2")
        page.keyboard.press("4")
        page.wait_for_selector(".mains .lsf-choice")
        assert not page.locator(".none").is_visible()
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("text=Pick the label of the main object.")
        page.keyboard.press("Escape")
        page.keyboard.press("r")
        page.keyboard.press("x")
        assert page.locator(".picture img").evaluate(WHOLE)
        with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
            page.keyboard.press("Control+Enter")
    votes = votes_of(workspace, settings)
    shown = task.question.class_idxs
    assert set(votes[votes["answer"] == "yes"]["class_idx"]) == {shown[1], shown[3]}
    assert list(votes[votes["main"]]["class_idx"]) == [shown[3]]
    assert set(votes["class_idx"]) == set(labels) and set(votes["num_objects"]) == {2}
