"""A distribution of thirty lines brings a model, a mask method, an export format and a reader of votes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reground.flows.plugins import plugins
from reground.tasks.masks import decode_mask
from reground.tasks.workspace import Workspace
from tests.support.distributions import import_path, install_example, write_distribution
from tests.support.needs import ROOT
from tests.support.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed."""
    return install_example(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def curated(example: Path, world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace W, made with the model and the mask method of the example."""
    folder = tmp_path_factory.mktemp("curated")
    reground(example, folder, "index", str(world.images), "--boxes", str(world.boxes), "-w", "W")
    reground(example, folder, "masks", "-w", "W", "--method", "ellipse", "--runner", "processes:2")
    reground(example, folder, "predict", "-w", "W", "--models", "colours", "--on", "photographs")
    return folder


@pytest.fixture
def copy(curated: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to change."""
    return shutil.copytree(curated, tmp_path / "copy")


def reground(site: Path, folder: Path, *words: str, status: int = 0) -> str:
    """Run a command with the distributions below ``site``; what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    command = [sys.executable, "-m", "reground", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_its_masks_are_the_ellipses_of_the_world(curated: Path, world: World) -> None:
    masks = Workspace(curated / "W").read("masks")
    assert set(masks["image_id"]) == set(world.masks)
    assert set(masks["method"]) == {"ellipse (reground-example 1.0)"}
    for row in masks.to_dict("records"):
        mask, expected = decode_mask(row["rle"], row["height"], row["width"]), world.masks[row["image_id"]]
        assert np.mean(mask == expected) > 0.98


def test_its_model_knows_the_colours_of_the_world(curated: Path, world: World) -> None:
    predictions = Workspace(curated / "W").read("predictions/colours")
    best = {row.image_id: int(row.class_idx[0]) for row in predictions.itertuples()}
    assert best == {image_id: label % 600 for image_id, label in world.labels.items()}  # then the colours repeat
    assert {json.loads(recipe)["plugin"] for recipe in predictions["recipe"]} == {"reground-example 1.0"}


def test_its_votes_become_a_truth_that_it_exports(example: Path, copy: Path, world: World) -> None:
    first, *others = sorted(world.labels)
    answers = [
        {"photo": image_id, "class": world.labels[image_id], "who": who, "says": "no" if image_id == first else "yes"}
        for image_id in (first, *others)
        for who in ("ann", "ben", "cem")
    ]
    (copy / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))
    counts = reground(example, copy, "votes", "import", "answers.jsonl", "--format", "json-lines", "-w", "W")
    assert f"votes {len(answers)}" in counts
    votes = Workspace(copy / "W").read("votes")
    assert set(votes["source"]) == {"json-lines"} and set(votes["annotator_id"]) == {
        f"json-lines:{who}" for who in ("ann", "ben", "cem")
    }
    reground(example, copy, "truth", "-w", "W", "--min-annotators", "3")
    reground(example, copy, "export", "cleaned", "--format", "label-csv", "-w", "W")
    with (copy / "cleaned" / "labels.csv").open() as handle:
        labels = {image_id: [int(label) for label in rest] for image_id, *rest in csv.reader(handle)}
    assert labels == {image_id: [world.labels[image_id]] for image_id in others}
    assert first in (copy / "cleaned" / "left_out.csv").read_text()  # settled, and no label holds
    assert "label-csv (reground-example 1.0)" in (copy / "cleaned" / "DATA_CARD.md").read_text()


def test_another_version_makes_its_results_again_and_no_others(copy: Path, world: World, tmp_path: Path) -> None:
    newer = install_example(tmp_path, "1.1")
    before = keys(copy, "index"), keys(copy, "masks"), keys(copy, "predict")
    reground(newer, copy, "masks", "-w", "W")
    reground(newer, copy, "predict", "-w", "W")
    after = keys(copy, "index"), keys(copy, "masks"), keys(copy, "predict")
    assert after[0] == before[0]
    assert after[1].keys() == before[1].keys() and not set(after[1].values()) & set(before[1].values())
    assert after[2].keys() == before[2].keys() and not set(after[2].values()) & set(before[2].values())
    assert set(Workspace(copy / "W").read("masks")["method"]) == {"ellipse (reground-example 1.1)"}


def keys(folder: Path, step: str) -> dict[str, str]:
    return {entry.shard: entry.key for entry in Workspace(folder / "W").entries(step)}


def test_a_flow_runs_them(prefect_api: str, example: Path, world: World, tmp_path: Path) -> None:
    prefect = ["-w", "W", "--prefect", prefect_api]
    reground(example, tmp_path, "index", str(world.images), "--boxes", str(world.boxes), "-w", "W")
    reground(example, tmp_path, "masks", "--method", "ellipse", "--runner", "processes:2", *prefect)
    assert set(Workspace(tmp_path / "W").read("masks")["method"]) == {"ellipse (reground-example 1.0)"}


def test_without_it_the_error_lists_what_there_is(copy: Path, tmp_path: Path) -> None:
    message = reground(tmp_path, copy, "masks", "-w", "W", status=2)
    assert "unknown mask method 'ellipse'" in message and "consensus, grabcut, onnx:FILE, supplied:DIR" in message
    message = reground(tmp_path, copy, "export", "again", "--format", "label-csv", "-w", "W", status=2)
    assert "unknown export format 'label-csv'" in message and not (copy / "again").exists()


def test_a_broken_one_breaks_nothing_else(example: Path, copy: Path, tmp_path: Path) -> None:
    groups = {f"reground.{group}": {"bad": "bad:thing"} for group in ("models", "masks", "exports", "votes")}
    groups["reground.masks"] |= {"grabcut": "bad:thing"}
    write_distribution(tmp_path, "bad", groups, "raise OSError('no licence')\n")
    site = Path(os.pathsep.join([str(example), str(tmp_path)]))
    assert "masks" in reground(site, copy, "status", "-w", "W")
    message = reground(site, copy, "masks", "-w", "W", "--method", "bad", status=2)
    assert "mask method 'bad' of bad 1.0 cannot be used: OSError: no licence" in message
    again = reground(site, copy, "masks", "-w", "W", "--method", "grabcut")
    assert "mask method 'grabcut' of bad 1.0 is skipped: the name is built in" in again
    assert set(Workspace(copy / "W").read("masks")["method"]) == {"grabcut"}


def test_doctor_lists_them(example: Path, tmp_path: Path) -> None:
    write_distribution(tmp_path, "bad", {"reground.votes": {"bad": "bad:x", "csv": "bad:y"}}, "raise OSError('no')\n")
    site = Path(os.pathsep.join([str(example), str(tmp_path)]))
    lines = reground(site, tmp_path, "doctor").splitlines()
    assert "reground.models colours of reground-example 1.0: ok" in lines
    assert "reground.votes bad of bad 1.0: broken: OSError: no" in lines
    assert "reground.votes csv of bad 1.0: skipped: the name is built in" in lines
    rows = json.loads(reground(site, tmp_path, "doctor", "--json"))["plugins"]
    assert len(rows) == 6 and rows[0].keys() == {"group", "name", "distribution", "version", "state", "reason"}


def test_every_plugin_is_listed_with_its_state(example: Path, tmp_path: Path) -> None:
    write_distribution(tmp_path, "bad", {"reground.models": {"bad": "bad:x", "timm": "bad:y"}}, "x = 'no function'\n")
    with import_path(tmp_path), import_path(example):
        states = {(row.group, row.name): (row.distribution, row.version, row.state) for row in plugins()}
        reasons = {row.name: row.reason for row in plugins() if row.reason}
    assert states == {
        ("reground.models", "colours"): ("reground-example", "1.0", "ok"),
        ("reground.models", "bad"): ("bad", "1.0", "broken"),
        ("reground.models", "timm"): ("bad", "1.0", "skipped"),
        ("reground.masks", "ellipse"): ("reground-example", "1.0", "ok"),
        ("reground.exports", "label-csv"): ("reground-example", "1.0", "ok"),
        ("reground.votes", "json-lines"): ("reground-example", "1.0", "ok"),
    }
    assert reasons == {
        "bad": "TypeError: expected a function (name, device) -> Model, got str",
        "timm": "the name is built in",
    }
