"""A small folder in which the commands of the documentation run as they stand: images, votes, predictions, ``W``."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest

from reground.flows.cli.main import main
from tests.support.small_models import timm_folder
from tests.support.world import World, make_world


def make_folder(folder: Path, stand_in: Path) -> None:
    """Fill ``folder``; a network of random weights in ``stand_in`` takes the place of the ensemble."""
    world = make_world(folder / "drawn", per_class=2)
    world.images.rename(folder / "photographs")
    world.boxes.rename(folder / "boxes")
    (folder / "drawn").rmdir()
    _votes(world, folder / "votes.csv")
    _table(folder / "gold.csv", ("image_id", "class", "answer"), [(i, c, "yes") for i, c in _first(world)])
    _table(folder / "labels.csv", ("image_id", "label"), list(world.labels.items()))
    _table(folder / "predictions.csv", ("image_id", "class_idx"), list(world.labels.items()))
    timm_folder(stand_in, classes=1000)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for command in (
            "run photographs -w W --boxes boxes",
            "votes import -w W --format csv votes.csv",
            "truth -w W",
            "truth -w W --method dawid-skene",
        ):
            assert main(command.split()) == 0, command
    finally:
        os.chdir(before)


def copy_folder(folder: Path, copy: Path) -> None:
    """A copy of such a folder whose ``W`` takes the same images for its own."""
    copy.mkdir()
    for entry in folder.iterdir():
        if entry.name in ("photographs", "boxes"):
            (copy / entry.name).symlink_to(entry)  # steps know images by their full path
        elif entry.is_dir():
            shutil.copytree(entry, copy / entry.name)
        else:
            shutil.copy(entry, copy)


def _votes(world: World, path: Path) -> None:
    """Six people on each original label and on one other; they deny some of the originals."""
    rows: list[tuple[str, int, str, str]] = []
    for number, (image_id, label) in enumerate(world.labels.items()):
        other = 153 if label == 151 else 151
        for annotator in ("ann", "bob", "eve", "joe", "kim", "lea"):
            rows.append((image_id, label, annotator, "no" if number % 5 == 0 else "yes"))
            rows.append((image_id, other, annotator, "yes" if number % 4 == 0 else "no"))
    _table(path, ("image_id", "label", "annotator", "answer"), rows)


def _first(world: World) -> list[tuple[str, int]]:
    return list(world.labels.items())[:3]


def _table(path: Path, head: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def _environment(patch: pytest.MonkeyPatch, model: Path) -> None:
    patch.setenv("REGROUND_PREDICT__MODELS", f"timm:local-dir:{model}")
    patch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture(scope="session")
def examples_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `examples_folder` puts its stand-in for a model."""
    return tmp_path_factory.mktemp("model") / "network"


@pytest.fixture(scope="session")
def examples_folder(tmp_path_factory: pytest.TempPathFactory, examples_model: Path) -> Path:
    """Made once a worker; tests copy it."""
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        _environment(patch, examples_model)
        make_folder(folder, examples_model)
    return folder


@pytest.fixture
def examples_environment(monkeypatch: pytest.MonkeyPatch, examples_model: Path) -> None:
    """The stand-in predicts in place of the default models, in this test alone."""
    _environment(monkeypatch, examples_model)
