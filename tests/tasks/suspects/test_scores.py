"""The scores of a kind against what people decided, planted image by image."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from reground.tasks.schema import Outcome
from reground.tasks.suspects import REGISTRY, STEP, Method, Suspect, SuspectSettings, method
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, judged_row, put, put_truth

LABEL, OTHER = 7, 3
SAID = {"confirmed": {LABEL: 1.0}, "changed": {OTHER: 1.0, LABEL: 0.0}, "empty": {LABEL: 0.0}, "labelled": {OTHER: 1.0}}


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    yield
    REGISTRY.unregister_all()


def score_row(
    workspace: Workspace, scores: Mapping[str, float], outcomes: Mapping[str, str], *faults: Outcome
) -> dict[str, Any] | None:
    """The row of ``suspect_scores`` of a kind that flags above one half."""
    suspects = [Suspect(name, score, score > 0.5) for name, score in scores.items()]  # type: ignore[arg-type]
    kind = Method(
        tables=lambda workspace, settings: (),
        find=lambda workspace, settings: suspects,
        missing=lambda workspace, settings: "",
        limit="nothing is shown",
        faults=frozenset(faults),
    )
    REGISTRY.register("tiny", kind)
    rows = [
        judged_row(name, outcome, SAID.get(outcome, {LABEL: 0.6}), original=None if outcome == "labelled" else LABEL)
        for name, outcome in outcomes.items()
    ]
    put_truth(workspace, rows)
    settings = SuspectSettings(find=("tiny",))
    for shard in todo(STEP, workspace, settings).missing:
        run_shard(STEP, workspace, settings, shard)
    return next(iter(workspace.read_arrow("suspect_scores").to_pylist()), None)


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(name, LABEL) for name in "abcdefghij"])
    return workspace


SCORES = {"a": 1.0, "b": 0.9, "c": 0.8, "d": 0.7, "e": 0.4, "f": 0.3, "g": 0.2, "h": 0.1, "i": 0.0}
"""Four are flagged, five are not, and of j nothing is known."""


def test_counts_by_hand(workspace: Workspace) -> None:
    """Fails where images in review, or of unknown original label, count as settled."""
    outcomes = {"a": "changed", "b": "confirmed", "e": "empty", "f": "confirmed", "j": "confirmed"}
    row = score_row(workspace, SCORES, {**outcomes, "c": "in_review", "d": "labelled"}, Outcome.CHANGED, Outcome.EMPTY)
    assert row is not None
    assert (row["flagged"], row["flagged_settled"], row["flagged_faults"]) == (4, 2, 1)
    assert (row["unflagged"], row["unflagged_settled"], row["unflagged_faults"]) == (6, 3, 1)
    assert row["faults"] == ["changed", "empty"]
    assert row["precision"] == 0.5 and row["recall"] == pytest.approx(2 / (2 + 2))
    # a, b stand for two images each, e, f, j as well: (2/2 + 4/6) / 2
    assert row["average_precision"] == pytest.approx((1 + 4 / 6) / 2)
    assert row["base_rate"] == pytest.approx(0.4)
    for name in ("precision", "recall", "average_precision"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_settled_suspects_alone_do_not_tell_what_is_missed(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """Fails where recall is counted on the settled images as they are: it would be 1."""
    with caplog.at_level(logging.WARNING):
        row = score_row(workspace, SCORES, {"a": "changed", "b": "changed", "c": "confirmed"}, Outcome.CHANGED)
    assert row is not None
    assert row["precision"] == pytest.approx(2 / 3)
    assert row["recall"] is row["average_precision"] is row["base_rate"] is None
    assert "tiny: no image that is not flagged is settled" in caplog.text


def test_suspects_that_nobody_looked_at_have_no_precision(workspace: Workspace) -> None:
    row = score_row(workspace, SCORES, {"f": "changed"}, Outcome.CHANGED)
    assert row is not None and row["precision"] is row["recall"] is None and row["unflagged_faults"] == 1


def test_a_kind_that_votes_do_not_judge_has_no_row(workspace: Workspace) -> None:
    assert score_row(workspace, SCORES, {"a": "changed"}) is None
    assert score_row(workspace, SCORES, {"a": "in_review"}, Outcome.CHANGED) is None


def test_what_votes_say_of_the_kinds() -> None:
    assert method("label").faults == {Outcome.CHANGED, Outcome.EMPTY}
    assert method("outlier").faults == {Outcome.EMPTY}
    assert not any(method(kind).faults for kind in ("duplicate", "leak", "poison", "mistake", "bridge"))


def test_a_review_of_suspects_does_not_flatter_the_score(workspace_url: str) -> None:
    """1,000 images; all 50 flagged ones are settled, half of them errors; 100 others are, six of them errors."""
    workspace, rng = Workspace(workspace_url), np.random.default_rng(0)
    ids = [f"i{number:04d}" for number in range(1000)]
    put(workspace, "images", [image(name, LABEL) for name in ids])
    scores = dict(zip(ids, [*np.linspace(1, 0.55, 50).tolist(), *np.linspace(0.45, 0, 950).tolist()], strict=True))
    others = [ids[row] for row in rng.choice(np.arange(50, 1000), 100, replace=False)]
    outcomes = {name: "changed" if n % 2 else "confirmed" for n, name in enumerate(ids[:50])}
    outcomes |= {name: "changed" if n < 6 else "confirmed" for n, name in enumerate(others)}
    row = score_row(workspace, scores, outcomes, Outcome.CHANGED)
    assert row is not None and row["flagged"] == row["flagged_settled"] == 50
    assert row["precision"] == 0.5
    assert row["recall"] == pytest.approx(25 / (25 + 57))  # 25 of 31 among the settled
    assert row["base_rate"] == pytest.approx(82 / 1000) and row["average_precision"] < 0.3
