"""Names from files in a real browser: they add no element, wrap, and are shown with every character."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reground.tasks.report.step import _templates
from reground.tasks.workspace import Workspace
from tests.support.needs import need_chromium
from tests.support.report_world import RECIPE, evaluate, html_of, index, judge, mix
from tests.support.tables import candidate, class_row, prediction, put

HOSTILE = "</td></tr><img src=x onerror=alert(1)>{{7*7}}<script>alert(1)</script>\u202e\x1b[31m\u200b&amp;\"'>"
LONG = "n" * 150


def workspace_of(folder: Path, name: str) -> Workspace:
    """A workspace whose classes, groups, models, sources, photographs and reasons have names that begin alike."""
    workspace = Workspace(folder / "w")
    index(workspace, folder / "photographs")
    put(workspace, "classes", [class_row(idx, f"{name}{idx}") for idx in (3, 7, 8, 9)])
    mix(workspace)
    groups = [{"group": group, "name": f"{name}{group}", "class_idx": label} for group, label in ((0, 7), (1, 8))]
    put(workspace, "groups", groups)
    dropped = {"stage": "masks", "reason": name, "detail": name}
    put(workspace, "dropped", [{"item": f"{name}{number}", **dropped} for number in range(7)])
    # A table's name is a path: it holds neither slashes nor control characters.
    safe = "".join(character for character in name if character.isprintable() and character != "/")
    models = [f"{safe}{number}" for number in range(2)]
    for number, model in enumerate(models):
        labels = {"a": 7, "b": 8, "c": 3, "d": 7, "e": 8 + number}
        rows = [prediction(image_id, [label, -1, -1, -1, -1]) for image_id, label in labels.items()]
        put(workspace, f"predictions/{model}", [{**row, "recipe": RECIPE % (number, "weights")} for row in rows])
    put(workspace, "candidates", [candidate("a", 9, [f"{models[0]}:1"]), candidate("e", 9)])
    judge(workspace, source=name)
    evaluate(workspace)
    return workspace


@pytest.mark.slow
def test_names_add_no_element_and_wrap(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    counts: dict[str, int] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.on("dialog", lambda dialog: pytest.fail(f"a name ran: {dialog.message}"))
        for kind, name in {"plain": "name", "hostile": HOSTILE, "long": LONG}.items():
            folder = tmp_path / kind
            folder.mkdir()
            (folder / "page.html").write_text(html_of(workspace_of(folder, name), title=name), encoding="utf-8")
            page.goto((folder / "page.html").as_uri())
            counts[kind] = page.evaluate("document.querySelectorAll('*').length")
            text = page.evaluate("document.documentElement.textContent")
            assert {character for character in text if unicodedata.category(character) in ("Cc", "Cf")} <= {"\n", "\t"}
            assert kind != "hostile" or "{{7*7}}<script>alert(1)</script>\\u202e\\u001b[31m\\u200b&amp;" in text
            for width in (1400, 820, 420):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") == width, (kind, width)
        browser.close()
    assert counts["hostile"] == counts["long"] == counts["plain"]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(codec=None, categories=None)))
def test_no_text_reaches_a_page_as_more_than_text(name: str) -> None:
    html = _templates().from_string("<p title='{{ name }}'>{{ name }}</p>").render(name=name)
    assert html.count("<") == 2 and html.count("'") == 2
    assert {character for character in html if unicodedata.category(character) in ("Cc", "Cf", "Cs")} <= {"\n", "\t"}
