"""The files as released: the counts and the decisions are those published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reground.annotations.published import import_votes
from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.kernels.objects import cut_weight
from reground.tasks.votes import REASSESSED as REAL
from reground.tasks.workspace import Workspace, run_shard
from tests.support.needs import need_shared
from tests.support.published_answers import (
    votes,
)


def run_truth(workspace: Workspace, settings: TruthSettings) -> pd.DataFrame:
    for shard in truth.plan(workspace, settings):
        run_shard(truth.STEP, workspace, settings, shard)
    return workspace.read("truth").set_index("image_id")


@pytest.mark.slow
def test_main_labels_and_objects_are_those_published(workspace: Workspace) -> None:
    """On the published half: the main label, the number of objects, a grouping as good, for every image."""
    path = need_shared("imagenet-multilabel")
    found = import_votes(workspace, "imagenet-multilabel", path)
    assert (found["images"], found["original_labels"], found["dropped"]) == (3395, 5020, 0)
    table = run_truth(workspace, TruthSettings())
    assert table["routing"].value_counts().to_dict() == {
        "several": 3395,
        "easy": 1474,
        "never_selected": 78,
        "too_few_workers": 73,
    }
    released = pd.read_pickle(path / "data" / "annotations_classify_task.pkl")  # ours to trust: it ships with the tests
    ours = table.loc[[name.removesuffix(".JPEG") for name in released.index]]
    assert ours["main_label"].tolist() == released["main_top"].tolist()
    assert ours["num_objects"].tolist() == released["num_objects"].tolist()
    assert ours["main_tied"].sum() == 177 and ours["num_objects_tied"].sum() == 136
    for (_, mine), (_, theirs) in zip(ours.iterrows(), released.iterrows(), strict=True):
        labels = sorted({label for chosen in theirs["selected"] for label in chosen})
        chosen = np.array([[label in one for label in labels] for one in theirs["selected"]]).astype(np.int64)
        weights = chosen.T @ chosen
        np.fill_diagonal(weights, 0)
        assert cut_weight(weights, groups(mine["objects"], labels)) == cut_weight(
            weights, groups(theirs["objects"], labels)
        )
        dropped_there = set(labels) - {label for group in theirs["objects"] for label in group}
        assert set(mine["isolated"]) == dropped_there <= set(mine["judged"])


def groups(objects: Any, labels: list[int]) -> list[int]:
    """The object of each label; those in none, an object of their own."""
    return [next((n for n, group in enumerate(objects) if label in group), len(objects)) for label in labels]


@pytest.mark.slow
def test_the_released_scores_decide_as_ours(workspace: Workspace) -> None:
    path = need_shared("reassessed-imagenet")
    found = import_votes(workspace, "real", path)
    table = votes(workspace)
    assert table.groupby("source").size()[REAL] == 924_810 and found["images"] == 24_889
    assert table.loc[table["source"] == REAL, "annotator_id"].nunique() == 85
    ours = run_truth(workspace, TruthSettings("dawid-skene", keep=0.8))
    scores = np.load(path / "scores.npz")
    released = dict(zip(map(tuple, scores["info"].tolist()), scores["tensor"] >= 0.8, strict=True))
    agree = [
        (confidence >= 0.8) == released[f"{image_id}.JPEG", str(label)]
        for image_id, judged, confidences in zip(ours.index, ours["judged"], ours["confidence"], strict=True)
        for label, confidence in zip(judged, confidences, strict=True)
    ]
    assert len(agree) == 184_962
    assert np.mean(agree) >= 0.985


@pytest.mark.slow
def test_the_verdicts_add_up_to_the_published_ones(workspace: Workspace) -> None:
    """Who says that the given label holds, alone or with the guessed one."""
    path = need_shared("label-errors")
    assert import_votes(workspace, "label-errors", path)["images"] == 2752
    entries = json.loads((path / "mturk" / "imagenet_mturk.json").read_text())
    table = votes(workspace).merge(workspace.read("original_labels", ["image_id", "class_idx"]), on="image_id")
    yes = table[(table["class_idx_x"] == table["class_idx_y"])].groupby("image_id")["answer"].agg(list)
    given = {image_id: answers.count("yes") for image_id, answers in yes.items()}
    expected = {Path(one["url"]).stem: one["mturk"]["given"] + one["mturk"]["both"] for one in entries}
    assert given == expected
