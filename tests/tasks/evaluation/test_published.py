"""One model's real predictions on the real votes: the numbers of docs/evaluation.md."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reground.annotations.published import import_votes
from reground.annotations.references import import_reference
from reground.annotations.truth import step as truth
from reground.tasks.evaluation import step as evaluation
from reground.tasks.predictions import import_predictions
from reground.tasks.workspace import Workspace, run_shard
from tests.support.needs import need_shared

MODEL = "cross-validated"


def judged(workspace: Workspace, settings: truth.TruthSettings | None) -> pd.DataFrame:
    """The table evaluation; without settings there is no own truth."""
    for step, chosen in ((truth.STEP, settings), (evaluation.STEP, evaluation.EvaluationSettings(resamples=1))):
        for shard in step.plan(workspace, chosen) if chosen else ():
            run_shard(step, workspace, chosen, shard)
    return workspace.read("evaluation").set_index(["metric", "subset"])


@pytest.mark.slow
def test_real_accuracy_is_that_of_the_published_labels(workspace_url: str) -> None:
    folder, predicted = need_shared("reassessed-imagenet"), need_shared("label-errors")
    workspace = Workspace(workspace_url)
    import_votes(workspace, "real", folder)
    counts = import_predictions(workspace, MODEL, predicted)
    assert (counts["predictions"], counts["dropped"], counts["missing"]) == (50_000, 0, 0)
    found = judged(workspace, truth.TruthSettings(method="dawid-skene", keep=0.8))
    hits = published_hits(folder, predicted)
    assert len(hits) == 46_837
    row = found.loc[("real_accuracy", "all")]
    assert row["value"] == pytest.approx(np.mean(hits), abs=0.001)
    assert found.loc[("top1_original", "all"), "value"] == pytest.approx(0.727, abs=0.0005)
    supers = found[found.index.get_level_values("subset").str.startswith("superclass:")]
    assert supers.loc["real_accuracy", "n"].sum() == row["n"] and len(supers.loc["top1_original"]) == 11


@pytest.mark.slow
def test_the_published_labels_as_a_reference_truth_give_their_accuracy(workspace_url: str) -> None:
    folder, predicted = need_shared("reassessed-imagenet"), need_shared("label-errors")
    workspace = Workspace(workspace_url)
    import_reference(workspace, "real", folder / "real.json")
    import_predictions(workspace, MODEL, predicted)
    row = judged(workspace, None).loc[("multi_label", "reviewed")]
    hits = published_hits(folder, predicted)
    assert (row["truth"], row["n"], row["value"]) == ("real", 46_837, pytest.approx(np.mean(hits)))


def published_hits(folder: Path, predicted: Path) -> list[bool]:
    """Of every image that real.json has labels of: is the model's label among them?"""
    labels = json.loads((folder / "real.json").read_text())
    path = predicted / "cross_validated_predicted_labels" / "imagenet_val_set_pyx_argmax_predicted_labels.npy"
    names = json.loads((predicted / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").read_text())
    numbers = [int(Path(name).stem.rpartition("_")[2]) for name in names]
    of = dict(zip(numbers, np.load(path).tolist(), strict=True))
    return [of[number] in kept for number, kept in enumerate(labels, start=1) if kept]


@pytest.mark.slow
def test_images_of_one_and_of_several_objects(workspace_url: str) -> None:
    multilabel, predicted = need_shared("imagenet-multilabel"), need_shared("label-errors")
    workspace = Workspace(workspace_url)
    import_votes(workspace, "imagenet-multilabel", multilabel)
    import_votes(workspace, "label-errors", predicted)
    import_predictions(workspace, MODEL, predicted)
    found = judged(workspace, truth.TruthSettings(hold_out=("label-errors",)))
    for subset, published in (("multi_object", 0.642), ("single_object", 0.765)):  # of the whole set
        row = found.loc[("top1_original", subset)]
        assert row["low"] <= published <= row["high"]
    assert found.loc[("top1_original", "multi_object"), "n"] == 1062
    for metric, value in (("multi_label", 0.719), ("main_label", 0.539)):
        assert found.loc[(metric, "multi_object"), "value"] == pytest.approx(value, abs=0.002)
        assert found.loc[(metric, "multi_object"), "n"] == 1033  # on 29 of them a label is tied
