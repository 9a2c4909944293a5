"""Candidates: the union of the models' top-k and the original label, each with its reasons."""

from __future__ import annotations

import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.predictions import candidates
from reground.tasks.workspace import Workspace, run_shard
from tests.support.tables import image, prediction, put


def made(workspace: Workspace, **settings: int) -> dict[tuple[str, int], tuple[list[str], float]]:
    chosen = candidates.CandidateSettings(**settings)
    for shard in candidates.plan(workspace, chosen):
        run_shard(candidates.STEP, workspace, chosen, shard)
    rows = workspace.read("candidates").to_dict("records")
    return {(r["image_id"], r["class_idx"]): (list(r["reasons"]), r["score"]) for r in rows}


def test_union_with_reasons(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7), image("b", 8)])
    put(workspace, "predictions/one", [prediction("a", [7, 3, -1]), prediction("a", [99], "no_fg")])
    put(workspace, "predictions/two", [prediction("a", [3, 5, 7])])
    found = made(workspace)
    assert {key: reasons for key, (reasons, _) in found.items()} == {
        ("a", 3): ["one:2", "two:1"],
        ("a", 5): ["two:2"],
        ("a", 7): ["original", "one:1", "two:3"],
        ("b", 8): ["original"],
    }
    assert found["a", 3][1] == pytest.approx((0.25 + 0.5) / 2)
    assert found["b", 8][1] == 0


def test_top_k_counts_ranks_and_not_labels_that_map(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7)])
    put(workspace, "predictions/one", [prediction("a", [-1, 3, 4])])
    assert set(made(workspace, top_k=2)) == {("a", 7), ("a", 3)}


def test_without_images_it_says_what_to_run(workspace_url: str) -> None:
    with pytest.raises(RegroundError, match="run `reground index IMAGES"):
        made(Workspace(workspace_url))
