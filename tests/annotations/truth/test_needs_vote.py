"""Which question to ask next: disagreement before agreement, few votes before many, the telling before the random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reground.annotations.truth import TRUTH, TruthSettings, needs_vote
from reground.annotations.truth.needs_vote import NeedsVoteSettings
from reground.tasks.images import load_classes
from reground.tasks.workspace import Step, Workspace, run_shard, todo
from tests.support.tables import candidate, image, put, put_truth, vote

ANIMALS, OBJECTS = range(1, 10), range(500, 510)  # of ImageNet: fish and birds; tools


def rated(image_id: str, label: int, answers: str) -> list[dict[str, Any]]:
    """One vote a letter: y, m or n, each by another person."""
    of = {"y": "yes", "m": "maybe", "n": "no"}
    return [
        vote(image_id, label, f"p{n}", of[letter], "rate", answer_id=f"{image_id}:{label}:{n}")
        for n, letter in enumerate(answers)
    ]


def ranked(
    url: str, votes: list[dict[str, Any]], candidates: list[dict[str, Any]], with_models: bool = False
) -> pd.DataFrame:
    workspace, settings = Workspace(url), NeedsVoteSettings(with_models)
    put(workspace, "classes", load_classes())
    put(workspace, "votes", votes)
    put(workspace, "candidates", candidates)
    put_truth(workspace, [])
    for shard in needs_vote.plan(workspace, settings):
        run_shard(needs_vote.STEP, workspace, settings, shard)
    return workspace.read("needs_vote")


def crowd(labels: range, right: float) -> list[dict[str, Any]]:
    """A hundred pairs, half of which hold, five people each right so often."""
    rng = np.random.default_rng(0)
    return [
        one
        for n in range(100)
        for one in rated(
            f"crowd{n:03d}",
            labels[n % len(labels)],
            "".join("y" if (n % 2 == 0) == (rng.random() < right) else "n" for _ in range(5)),
        )
    ]


def test_asks_where_people_disagree_and_where_few_have_answered(workspace_url: str) -> None:
    votes = [
        *crowd(OBJECTS, 0.9),
        *rated("agreed", 500, "yyyyy"),
        *rated("split", 500, "yynn"),
        *rated("one", 500, "y"),
        *rated("two", 500, "yy"),
    ]
    rows = ranked(workspace_url, votes, [candidate("unasked", 500), candidate("agreed", 500)]).set_index("image_id")
    for doubtful in ("split", "unasked"):
        order = rows.loc[[doubtful, "one", "two", "agreed"]]
        assert order["rank"].is_monotonic_increasing
        assert order["gain"].iloc[0] > 10 * order["gain"].iloc[-1]
    assert rows.loc["unasked", "votes"] == 0
    assert len(rows) == 105
    assert rows["gain"].is_monotonic_decreasing


def test_asks_last_about_what_people_cannot_tell(workspace_url: str) -> None:
    votes = [*crowd(OBJECTS, 0.95), *[{**v, "image_id": "a" + v["image_id"]} for v in crowd(ANIMALS, 0.55)]]
    rows = ranked(workspace_url, votes, [candidate("tool", 500), candidate("bird", 8)]).set_index("image_id")
    gains = rows["gain"]
    assert gains["tool"] > 2 * gains["bird"]


def test_nothing_to_rank_by_without_votes(workspace_url: str) -> None:
    assert ranked(workspace_url, [], [candidate("unasked", 500)]).empty


def scored_crowd() -> list[dict[str, Any]]:
    """Candidates of the crowd: models find probable what holds."""
    return [candidate(f"crowd{n:03d}", OBJECTS[n % len(OBJECTS)], score=0.02 if n % 2 else 0.8) for n in range(100)]


def test_models_put_first_what_they_contradict(tmp_path: Path) -> None:
    votes = [*crowd(OBJECTS, 0.9), *rated("doubted", 500, "y"), *rated("shared", 500, "y")]
    candidates = [*scored_crowd(), candidate("doubted", 500, score=0.01), candidate("shared", 500, score=0.9)]
    plain = ranked(str(tmp_path / "plain"), votes, candidates).set_index("image_id")
    helped = ranked(str(tmp_path / "helped"), votes, candidates, with_models=True).set_index("image_id")
    assert abs(plain.loc["doubted", "gain"] - plain.loc["shared", "gain"]) < 1e-12  # type: ignore[operator]
    assert helped.loc["doubted", "gain"] > 1.2 * helped.loc["shared", "gain"]  # type: ignore[operator]
    assert helped.loc["doubted", "rank"] < helped.loc["shared", "rank"]  # type: ignore[operator]
    # What is stored of a label is what votes say.
    assert (helped["probability"].sort_index() == plain["probability"].sort_index()).all()


def test_a_pair_that_no_model_scored_is_no_improbable_one(tmp_path: Path) -> None:
    votes = [*crowd(OBJECTS, 0.9), *rated("unscored", 500, "yy")]
    helped = ranked(str(tmp_path / "helped"), votes, scored_crowd(), with_models=True).set_index("image_id")
    plain = ranked(str(tmp_path / "plain"), votes, scored_crowd()).set_index("image_id")
    assert helped.loc["unscored", "gain"] < 2 * plain.loc["unscored", "gain"]  # type: ignore[operator]


def test_the_truth_reads_neither_models_nor_their_order(tmp_path: Path) -> None:
    """Models that entered the truth would be judged by themselves."""
    truths = []
    for name, candidates in (("a", scored_crowd()), ("b", [{**row, "score": 0.5} for row in scored_crowd()])):
        workspace = Workspace(tmp_path / name)
        put(workspace, "classes", load_classes())
        put(workspace, "images", [image("crowd000", 500)])
        put(workspace, "votes", crowd(OBJECTS, 0.6))
        put(workspace, "candidates", candidates)
        run(TRUTH, workspace, TruthSettings(method="dawid-skene"))
        run(needs_vote.STEP, workspace, NeedsVoteSettings(with_models=True))
        ranks = workspace.read("needs_vote")
        run(TRUTH, workspace, TruthSettings(method="dawid-skene"))
        truths.append((workspace.read("truth"), ranks))
    (first, first_ranks), (second, second_ranks) = truths
    pd.testing.assert_frame_equal(first, second)
    assert not first_ranks.equals(second_ranks)


def run(step: Step[Any], workspace: Workspace, settings: Any) -> None:
    for shard in todo(step, workspace, settings).missing:
        run_shard(step, workspace, settings, shard)
