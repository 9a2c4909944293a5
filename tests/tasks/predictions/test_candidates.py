"""Candidates: the union of the models' top-k and the original label, each with its reasons."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reground.tasks.errors import RegroundError
from reground.tasks.predictions import candidates
from reground.tasks.workspace import Output, Workspace, partition, run_shard, todo
from tests.support.tables import image, prediction, put


def made(workspace: Workspace, **values: int) -> dict[tuple[str, int], tuple[list[str], float]]:
    chosen = candidates.CandidateSettings(**values)
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
    assert pd.isna(found["b", 8][1])  # not known, which is not 0


def test_top_k_counts_ranks_and_not_labels_that_map(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 7)])
    put(workspace, "predictions/one", [prediction("a", [-1, 3, 4])])
    assert set(made(workspace, top_k=2)) == {("a", 7), ("a", 3)}


def test_without_images_it_says_what_to_run(workspace_url: str) -> None:
    with pytest.raises(RegroundError, match="run `reground index IMAGES"):
        made(Workspace(workspace_url))


IDS = [f"p{number}" for number in range(12)]


def cut(workspace: Workspace, table: str, step: str, prefix: str, rows: list[dict[str, Any]], size: int) -> None:
    """Commit rows in shards by the hashes of their ids, as steps do."""
    for name, positions in partition([row["image_id"] for row in rows], size).items():
        part = [rows[position] for position in positions]
        workspace.commit(step, prefix + name, f"{part}"[:8], Output({table: part}))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(IDS), min_size=1), st.integers(1, 5), st.integers(1, 5))
def test_shards_give_what_one_file_gives(tmp_path: Path, ids: set[str], size: int, earlier_size: int) -> None:
    """However images and predictions are cut; an import lies in one file."""
    with TemporaryDirectory(dir=tmp_path) as folder:
        parted, whole = Workspace(f"{folder}/parted"), Workspace(f"{folder}/whole")
        images = [image(image_id, 7) for image_id in sorted(ids)]
        predicted = [prediction(image_id, [number, 7]) for number, image_id in enumerate(IDS)]
        variants = [prediction(image_id, [99], "no_fg") for image_id in IDS]
        imported = [prediction(image_id, [50 + number]) for number, image_id in enumerate(reversed(IDS))]
        cut(parted, "images", "index", "", images, size)
        cut(parted, "predictions/one", "predict", "one.photographs.", predicted, earlier_size)
        cut(parted, "predictions/one", "predict", "one.no_fg.", variants, earlier_size)
        put(parted, "predictions/two", imported)
        put(whole, "images", images)
        put(whole, "predictions/one", predicted + variants)
        put(whole, "predictions/two", imported)
        assert made(parted) == made(whole)


def test_one_other_prediction_makes_one_shard_again(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    cut(workspace, "images", "index", "", [image(image_id, 7) for image_id in IDS], 3)
    cut(workspace, "predictions/one", "predict", "one.photographs.", [prediction(i, [7]) for i in IDS], 3)
    made(workspace)
    assert not todo(candidates.STEP, workspace, candidates.CandidateSettings()).missing
    changed = [prediction(i, [8 if i == "p5" else 7]) for i in IDS]
    cut(workspace, "predictions/one", "predict", "one.photographs.", changed, 3)
    plan = todo(candidates.STEP, workspace, candidates.CandidateSettings())
    assert len(plan.shards) > 3
    assert len(plan.missing) == 1
    assert ("p5", 8) in made(workspace)
