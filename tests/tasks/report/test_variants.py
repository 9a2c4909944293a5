"""What the report says of masks, of groups, and of the two compositions."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from reground.tasks.masks import encode_mask
from reground.tasks.workspace import Workspace
from tests.support.report_world import (
    EVIL,
    EVIL_ONE,
    RUG,
    Page,
    evaluate,
    html_of,
    mask_row,
    mixed_workspace,
    variant_row,
)
from tests.support.tables import class_row, prediction, put


@pytest.fixture
def workspace(workspace_url: str, tmp_path: Path) -> Workspace:
    return mixed_workspace(workspace_url, tmp_path)


def test_masks_in_quarantine_are_shown_with_their_reason(workspace: Workspace) -> None:
    rle = encode_mask(np.ones((200, 300), bool))
    low = {"rle": rle, "quality": 0.1, "quarantine": f"quality 0.10: {EVIL}"}
    put(workspace, "masks", [mask_row("a"), {**mask_row("b"), **low}, {**mask_row("gone"), **low, "quality": 0.05}])
    page = Page(html_of(workspace))
    assert page.line("grabcut", "66.7 %") == "grabcut 3 0.10 0.06 and 0.82 2 66.7 %"
    assert page.line("quality 0.10", EVIL, "b")
    assert page.line("The lowest quality first, 2 of 2")
    assert page.text().index("gone") < page.text().index(f"{EVIL} b")
    put(workspace, "masks", [mask_row("a")])
    assert Page(html_of(workspace)).line("No mask was quarantined.")


def test_masks_that_came_with_released_data(workspace: Workspace) -> None:
    workspace.retire("by-hand-masks", ())
    page = Page(html_of(workspace))
    assert page.line("The masks of 3 foregrounds came with the variants.")
    assert "reground masks -w W" not in page.text()


def test_what_the_groups_cover(workspace: Workspace) -> None:
    page = Page(html_of(workspace))
    assert page.line("A map of your own puts 2 classes into 2 groups", "2 classes lie in none", "2 of the photographs")
    assert page.line("Rug", "1 1 2 2")
    assert page.line(EVIL, "1 1 1 1", "none but itself")


def test_a_packaged_map_says_what_it_has_too_much(workspace: Workspace) -> None:
    from reground.tasks.images import load_groups

    classes = [{**class_row(7), "wnids": ["n02085620"]}]
    rows, lies = load_groups("imagenet9", classes)
    put(workspace, "classes", classes)
    put(workspace, "groups", rows)
    put(workspace, "foregrounds", [])
    line = Page(html_of(workspace)).line("“imagenet9” puts 1 classes into 1 groups")
    assert f"It names {len(lies.extra)} classes that the vocabulary lacks" in line and lies.extra


def test_how_far_the_compositions_differ(workspace: Workspace) -> None:
    page = Page(html_of(workspace))
    assert page.line("Only one composition was made", "reground variants -w W --compose mask,published")
    rows = [("a", True, 0.02), ("b", True, 0.0), ("c", False, 0.9)]
    columns = ("image_id", "same_background", "differing_share")
    put(
        workspace,
        "composition_differences",
        [{"variant": "mixed_rand", **dict(zip(columns, row, strict=True))} for row in rows],
    )
    page = Page(html_of(workspace))
    assert page.line("No model was judged on the variants as published yet")
    line = page.line("Mixed-Rand", "on average")
    assert "1.00 % on average, 2.00 % at most" in line and "n 2, 1 of them equal in every pixel; 1 have another" in line


def test_accuracy_of_both_compositions(workspace: Workspace) -> None:
    said = {"mixed_same": RUG, "mixed_same_published": RUG, "mixed_rand": RUG, "mixed_rand_published": EVIL_ONE}
    for name in said:
        put(workspace, f"variants/{name}", [variant_row("a", name, 9)])
    put(workspace, "predictions/lite-b", [prediction("a", [y], name) for name, y in said.items()])
    put(
        workspace,
        "composition_differences",
        [{"variant": "mixed_rand", "image_id": "a", "same_background": True, "differing_share": 0.5}],
    )
    evaluate(workspace)
    page = Page(html_of(workspace))
    assert re.search(r"\bb 100.0 % .* 0.0 % .* \+100.0 ", page.line("b 100.0 %", "0.0 %", "+100.0"))
    assert re.search(r"BG-Gap .* b \+0.0 .* \+100.0 .* −100.0$", page.line("BG-Gap", "each with its own interval"))
