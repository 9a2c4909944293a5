"""What the report says of adversarial backgrounds, counted by hand and by brute force."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.compose import paste
from reground.tasks.report import adversarial as report_adversarial
from reground.tasks.report.adversarial import NO_GROUP, UNTRIED, Pairs, Tally, to_groups
from reground.tasks.report.composites import composites
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.workspace import Output, Workspace
from tests.support.needs import need_chromium
from tests.support.report_world import (
    EVIL,
    EVIL_ONE,
    FOREGROUNDS,
    OUTSIDE,
    RUG,
    Page,
    evaluate,
    html_of,
    mixed_workspace,
)
from tests.support.tables import put


@st.composite
def searched(draw: st.DrawFn) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Number of groups, groups of foregrounds and of backgrounds, groups predicted."""
    groups, height, width = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    of_group = st.integers(0, groups - 1)
    foregrounds = draw(st.lists(of_group, min_size=height, max_size=height))
    backgrounds = draw(st.lists(of_group, min_size=width, max_size=width))
    said = st.lists(st.integers(UNTRIED, groups - 1), min_size=width, max_size=width)
    predicted = draw(st.lists(said, min_size=height, max_size=height))
    return groups, np.array(foregrounds), np.array(backgrounds), np.array(predicted)


@given(searched(), st.integers(1, 5))
def test_the_tally_counts_as_a_loop_does(
    case: tuple[int, np.ndarray, np.ndarray, np.ndarray], rows_a_part: int
) -> None:
    groups, foregrounds, backgrounds, predicted = case
    tally = Tally(groups, backgrounds)
    for start in range(0, len(foregrounds), rows_a_part):
        part = slice(start, start + rows_a_part)
        tally.add(foregrounds[part], predicted[part])
    count: Counter[Any] = Counter()
    for f, row in zip(foregrounds, predicted, strict=True):
        for b, said in zip(backgrounds, row, strict=True):
            if said != UNTRIED:
                for i, j in ((f, b), (f, groups), (groups, b), (groups, groups)):
                    count[i, j, "tried"] += 1
                    count[i, j, "wrong"] += int(said != f)
                    count[i, j, "into"] += int(said == b)
                    count[i, j, "unmapped"] += int(said == NO_GROUP)
        for group in set(range(groups)) - {int(f)}:
            of_group = [said for b, said in zip(backgrounds, row, strict=True) if b == group and said != UNTRIED]
            count[group, "others"] += int(bool(of_group))
            count[group, "turned"] += int(group in of_group)
    names = ("tried", "wrong", "into", "unmapped")
    expected = [[Pairs(*(count[i, j, n] for n in names)) for j in range(groups + 1)] for i in range(groups + 1)]
    assert [list(row) for row in tally.heat(np.arange(groups))] == expected
    assert tally.complete == bool((predicted != UNTRIED).all())
    assert list(tally.others) == [count[group, "others"] for group in range(groups)]
    assert list(tally.turned) == [count[group, "turned"] for group in range(groups)]


def test_classes_become_groups() -> None:
    group_of = np.array([0, NO_GROUP, 1])
    assert list(to_groups(np.array([0, 1, 2, 3, -1, -2]), group_of)) == [0, -1, 1, -1, -1, -2]


def foreground_row(image_id: str, *, vulnerable: bool, outcome: str | None, worst: list[str]) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "group": FOREGROUNDS[image_id],
        "clean_class": RUG,
        "clean_correct": outcome is not None,
        "vulnerable": vulnerable,
        "fooled_by": "b" if vulnerable else None,
        "fooled_into": 1 if vulnerable else None,
        "passes": 3,
        "outcome": outcome,
        "misled_by": None,
        "outcome_passes": 1,
        "worst": worst,
        "worst_probability": [0.9 - 0.1 * rank for rank in range(len(worst))],
    }


def background_row(image_id: str, tried: int, into_own: int) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "group": FOREGROUNDS[image_id],
        "tried": tried,
        "into_own": into_own,
        "wrong": into_own,
        "unmapped": 0,
        "own_rate": into_own / tried if tried else None,
        "wrong_rate": into_own / tried if tried else None,
    }


def search(workspace: Workspace, model: str = "lite-a", untried: int = EVIL_ONE) -> None:
    """Three foregrounds on three backgrounds; ``untried`` stands where the search may have spared a pass."""
    put(workspace, f"adversarial_pool/{model}", [pool_row(n, i) for n, i in enumerate(FOREGROUNDS)])
    put(
        workspace,
        f"adversarial/{model}",
        [
            foreground_row("a", vulnerable=True, outcome="misled", worst=["b", "c"]),
            foreground_row("b", vulnerable=False, outcome="robust", worst=[]),
            foreground_row("c", vulnerable=True, outcome="misled", worst=["b", "a"]),
        ],
    )
    predicted = {"a": [RUG, EVIL_ONE, OUTSIDE], "b": [EVIL_ONE] * 3, "c": [RUG, untried, RUG]}
    for image_id, classes in predicted.items():  # a shard each
        row = {"image_id": image_id, "predicted": classes, "recipe": "how"}
        workspace.commit("search", f"{model}-{image_id}", "0" * 32, Output({f"adversarial_pairs/{model}": [row]}))
    rows = [background_row("a", 2, 1), background_row("b", 40, 20), background_row("c", 0, 0)]
    put(workspace, f"adversarial_backgrounds/{model}", rows)


def pool_row(position: int, image_id: str) -> dict[str, Any]:
    return {"position": position, "image_id": image_id, "group": FOREGROUNDS[image_id]}


@pytest.fixture
def workspace(workspace_url: str, tmp_path: Path) -> Workspace:
    return mixed_workspace(workspace_url, tmp_path)


def test_nobody_searched(workspace: Workspace) -> None:
    assert Page(html_of(workspace)).line("Nobody has searched", "reground adversarial -w W --model NAME")


def test_searched_and_not_judged(workspace: Workspace) -> None:
    search(workspace)
    page = Page(html_of(workspace))
    assert page.line("These were searched, and not judged yet", "reground evaluate -w W")


def test_published_rule_beside_the_stricter(workspace: Workspace) -> None:
    search(workspace)
    evaluate(workspace)
    line = Page(html_of(workspace)).line("lite-a", "foregrounds × 3 backgrounds")
    assert "33.3 %" in line and "66.7 %" in line and "0.0 %" in line and line.count("n 3") == 5
    assert "3 foregrounds × 3 backgrounds = 9" in line
    assert "12 3 foregrounds" in line  # passes: 3 + 1 for each foreground
    assert "verdicts need 5 at least" in line  # one for each of two, and three where nothing fools


def test_the_heat_map_of_all_pairs(workspace: Workspace) -> None:
    search(workspace)
    html = html_of(workspace)
    page = Page(html)
    assert page.line("Every foreground was tried on every background.")
    assert page.line("Rug", "2, none wrong on the original") == "Rug 2, none wrong on the original 25 4 100 2 50 6"
    assert page.line(EVIL, "1, none wrong").endswith("0 2 0 1 0 3")
    assert "1 of 4 wrong: 3 into the background’s group, 1 into a class in no group" in html


def test_a_search_that_spared_passes_says_so(workspace: Workspace) -> None:
    search(workspace, untried=UNTRIED)
    evaluate(workspace)
    page = Page(html_of(workspace))
    assert page.line("9 for the published verdicts, 1.80 times the least possible (5); 3 more for the rest")
    assert page.line("mean of the groups", "n 3", "50.0 %")  # robust: (0 of 2 + 1 of 1) / 2, not 1 of 3
    assert page.line("Not exhaustive", "reground adversarial -w W --exhaustive")
    assert page.line("Rug", "none wrong") == "Rug 2, none wrong on the original 25 4 100 1 40 5"
    assert page.line("or more of 1 others are turned into it")


def test_backgrounds_are_ranked_by_what_is_sure(workspace: Workspace) -> None:
    rows = [background_row("a", 1, 1), background_row("c", 200, 100)]
    search(workspace)
    put(workspace, "adversarial_backgrounds/lite-a", rows)
    (found,) = report_adversarial.searches(Snapshot(workspace))
    assert [b.image_id for b in found.rankings[0].backgrounds] == ["c", "a"]
    assert [(b.rate.value, b.rate.n) for b in found.rankings[0].backgrounds] == [(0.5, 200), (1.0, 1)]
    assert found.rankings[1].backgrounds == () and all(b.picture for b in found.rankings[0].backgrounds)
    assert Page(html_of(workspace)).line("None of its backgrounds was seen to turn a foreground into it.")


def test_backgrounds_that_fool_all_models(workspace: Workspace) -> None:
    search(workspace)
    row = {"group": 1, "models": ["lite-a", "lite-b"], "tried": 8, "fooled_all": 6}
    put(workspace, "adversarial_shared", [{"image_id": "b", **row}, {"image_id": "a", **row, "fooled_all": 0}])
    page = Page(html_of(workspace))
    assert page.line("lite-a and lite-b all tried on it")
    assert page.text().count("75.0 %") == 1
    put(workspace, "adversarial_shared", [{"image_id": "a", **row, "fooled_all": 0}])
    assert Page(html_of(workspace)).line("No background was seen to fool lite-a and lite-b on the same foreground")


def test_composites_are_what_the_model_saw(workspace: Workspace) -> None:
    search(workspace)
    found = composites(Snapshot(workspace), "lite-a")
    assert [(c.image_id, c.background_id, c.predicted_class) for c in found] == [
        ("a", "b", "class 8"),
        ("c", "a", "prayer rug"),  # b is taken already
    ]
    original, background = (np.full((224, 224, 3), shade, np.uint8) for shade in (200, 70))
    mask = np.zeros((224, 224), bool)
    mask[50:100, 60:90] = True
    np.testing.assert_array_equal(found[0].pixels, paste(original, mask, background))
    assert Page(html_of(workspace)).line("✗ class 8", "0.90")


def test_released_data_whose_pictures_no_index_knows(workspace: Workspace) -> None:
    search(workspace)
    put(workspace, "images", [])
    (found,) = report_adversarial.searches(Snapshot(workspace))
    assert all(b.picture for ranking in found.rankings for b in ranking.backgrounds)


@pytest.mark.slow
def test_it_fits_every_screen(workspace: Workspace, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    search(workspace)
    evaluate(workspace)
    (tmp_path / "page.html").write_text(html_of(workspace))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        for width in (1400, 1000, 820, 420, 360):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
        unseen = page.eval_on_selector_all("img", "all => all.filter(i => !i.naturalWidth).length")
        assert unseen == 0
        browser.close()
