"""What the report says of labels: their fate, what is mixed up, who answered."""

from __future__ import annotations

from typing import Any

import pytest

from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.images import load_classes
from reground.tasks.report.labels import Labels, fates, people
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, plan, render
from reground.tasks.workspace import Workspace, run_shard
from tests.support.report_world import Page
from tests.support.tables import put, vote

TENCH, GOLDFISH, DESK, MOUSE, SCREEN = 0, 1, 526, 673, 782


def rated(image_id: str, original: int, yes: dict[int, int]) -> list[dict[str, Any]]:
    """Five people on each label, so many of whom said yes; ``original`` is asked about too."""
    return [
        vote(image_id, label, f"p{n}", "yes" if n < count else "no", "rate", answer_id=f"{image_id}:{label}:{n}")
        for label, count in {original: 0, **yes}.items()
        for n in range(5)
    ]


IMAGES: dict[str, tuple[int, dict[int, int]]] = {
    "a": (TENCH, {TENCH: 5, GOLDFISH: 0}),
    "b": (TENCH, {TENCH: 4, GOLDFISH: 1}),
    "c": (TENCH, {TENCH: 1, GOLDFISH: 5}),
    "d": (GOLDFISH, {TENCH: 5, GOLDFISH: 0}),
    "e": (GOLDFISH, {TENCH: 2, GOLDFISH: 2}),
    "f": (DESK, {DESK: 5, MOUSE: 5, SCREEN: 5}),
    "g": (DESK, {DESK: 5, MOUSE: 5}),
    "h": (DESK, {DESK: 5, SCREEN: 0}),
}


@pytest.fixture
def votes_only(workspace_url: str) -> Workspace:
    """Votes on images known by their ids alone."""
    workspace = Workspace(workspace_url)
    put(workspace, "classes", load_classes())
    originals = [{"image_id": i, "class_idx": of, "routing": None, "source": "x"} for i, (of, _) in IMAGES.items()]
    put(workspace, "original_labels", originals)
    put(workspace, "votes", [row for i, (of, yes) in IMAGES.items() for row in rated(i, of, yes)])
    for shard in truth.plan(workspace, TruthSettings()):
        run_shard(truth.STEP, workspace, TruthSettings(), shard)
    return workspace


def test_fates_by_superclass(votes_only: Workspace) -> None:
    found = {fate.name: fate for fate in fates(Snapshot(votes_only))}
    fish = found["Reptiles, fish, amphibians"]
    assert dict(fish.counts) == {"confirmed": 2, "changed": 2, "empty": 1}
    assert (fish.questioned.n, fish.questioned.value) == (5, 0.6)
    assert sum(fate.questioned.n for fate in found.values()) == len(IMAGES)


def test_added_and_replaced(votes_only: Workspace) -> None:
    about = Labels(Snapshot(votes_only))
    assert [(m.original, m.label, m.images, m.example) for m in about.added()] == [
        ("desk", about.name(MOUSE), 2, "f"),
        ("desk", about.name(SCREEN), 1, "f"),
    ]
    assert {(m.original, m.label, m.images) for m in about.replaced()} == {
        ("tench", "goldfish", 1),
        ("goldfish", "tench", 1),
    }


def test_what_is_kept_in_turn_is_mixed_up_and_what_goes_together_is_not(votes_only: Workspace) -> None:
    (pair,) = Labels(Snapshot(votes_only)).mixed_up()
    assert (pair.one, pair.other, pair.images) == ("tench", "goldfish", 5)
    assert (pair.kept, pair.swapped, pair.both, pair.neither) == (2, 2, 0, 1)
    assert [(name, image_id) for name, image_id, _ in pair.examples] == [("tench", "a"), ("goldfish", "d")]


def annotator(name: str, votes: int, excluded: str | None = None, **more: Any) -> dict[str, Any]:
    row = {
        "annotator_id": f"label-studio:{votes}",
        "address": f"{name}@lab.org",
        "name": None,
        "source": "label-studio",
        "votes": votes,
        "agreement": 0.5,
        "agreement_n": votes,
        "gold_correct": 0,
        "gold_n": 0,
        "gold_accuracy": None,
        "gold_low": None,
        "gold_high": None,
        "tasks": votes,
        "seconds_per_task": None,
        "fast_share": None,
        "excluded": excluded,
    }
    return {**row, **more}


def test_those_who_do_not_count_come_first(votes_only: Workspace) -> None:
    gold = {"gold_correct": 3, "gold_n": 4, "gold_accuracy": 0.75, "gold_low": 0.3, "gold_high": 0.95}
    rows = [annotator("many", 9), annotator("fast", 2, "median of 0.4 seconds a task"), annotator("sure", 4, **gold)]
    put(votes_only, "annotators", rows)
    shown, count = people(Snapshot(votes_only))
    assert ([row["annotator_id"] for row in shown], count) == (
        ["label-studio:2", "label-studio:9", "label-studio:4"],
        3,
    )
    page = Page(render(Snapshot(votes_only), ReportSettings()))
    assert page.line("fast@lab.org", "median of 0.4 seconds a task")
    assert page.line("sure@lab.org", "75.0 %", "30.0 to 95.0", "n 4", "yes")


def test_the_policy_of_the_truth_says_who_counts(votes_only: Workspace) -> None:
    put(votes_only, "annotators", [annotator("many", 9), annotator("fast", 2, "median of 0.4 seconds a task")])
    settings = TruthSettings(hold_out=("simulated",), count_excluded=True, keep=0.8)
    for shard in truth.plan(votes_only, settings):
        run_shard(truth.STEP, votes_only, settings, shard)
    shown, _ = people(Snapshot(votes_only))
    assert [(row["annotator_id"], row["counts"]) for row in shown] == [
        ("label-studio:9", True),
        ("label-studio:2", True),
    ]
    page = Page(render(Snapshot(votes_only), ReportSettings()))
    assert page.line("fast@lab.org", "yes, though excluded by the rule: median of 0.4 seconds a task")
    html = render(Snapshot(votes_only), ReportSettings())
    assert "held-out sources do not count: simulated; votes of excluded annotators count all the same; " in html
    assert "kept from confidence 0.8 on" in html


def test_a_page_without_images(votes_only: Workspace) -> None:
    assert len(plan(votes_only, ReportSettings())) == 1
    page = Page(render(Snapshot(votes_only), ReportSettings()))
    assert page.line("5 of 8 settled photographs")
    assert page.line("tench goldfish", "5")
    assert "Photographs, by their ids alone" in render(Snapshot(votes_only), ReportSettings())
