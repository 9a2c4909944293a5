"""Features that a model cannot give, or gives wrong, are refused: before any work where that can be known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.models import FeatureModel, Model, Preprocessing, Recipe
from reground.tasks.predictions.features import as_float16
from reground.tasks.predictions.step import STEP, PredictionSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import class_row, image, put

SETTINGS = PredictionSettings(models=("plain",), on=("photographs",), device="cpu", features=True)


class Plain:
    """A model of one class, without features."""

    class_count, wnids = 1, ()
    photograph = square = Preprocessing("decode|resize(8, bilinear)|value_range(0, 1)")

    def __init__(self, name: str, device: str) -> None:
        self.name = name

    def recipe(self, preprocessing: Preprocessing) -> Recipe:
        return Recipe("none", "", preprocessing.spec, "Pillow", "float32", "cpu", "numpy")

    def predict(self, batch: np.ndarray) -> np.ndarray:
        return np.ones((len(batch), 1), np.float32)


class Featured(Plain):
    def predict_with_features(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.predict(batch), np.ones((len(batch), 2), np.float32)


def annotated(name: str, device: str) -> Plain:
    return Plain(name, device)


def unannotated(name, device):  # type: ignore[no-untyped-def]
    return Plain(name, device)


def by_protocol(name: str, device: str) -> Model:
    return cast("Model", Plain(name, device))


def unresolvable(name: str, device: str) -> Any:
    return Plain(name, device)


unresolvable.__annotations__["return"] = "NoSuchName"


@pytest.fixture
def workspace(workspace_url: str) -> Iterator[Workspace]:
    """Its photographs are not there: to read one would be another error."""
    workspace = Workspace(workspace_url)
    put(workspace, "classes", [class_row(0)])
    put(workspace, "images", [image("a", 0), image("b", 0)])
    yield workspace
    models.REGISTRY.unregister_all()
    models.load.cache_clear()


@pytest.mark.parametrize("load", [Plain, annotated])
def test_a_class_without_features_is_refused_before_any_work(workspace: Workspace, load: Any) -> None:
    models.register("plain", load)
    with pytest.raises(UsageError, match=r"expected a model with features .*'plain' has none.*without --features"):
        todo(STEP, workspace, SETTINGS)


@pytest.mark.parametrize("load", [unannotated, by_protocol, unresolvable])
def test_elsewhere_the_first_shard_is_refused_before_an_image_is_read(workspace: Workspace, load: Any) -> None:
    models.register("plain", load)
    (shard,) = todo(STEP, workspace, SETTINGS).missing
    with pytest.raises(UsageError, match="'plain' has none"):
        run_shard(STEP, workspace, SETTINGS, shard)


@pytest.mark.parametrize("load", [Featured, lambda name, device: Featured(name, device)])
def test_a_plugin_with_features_is_planned(workspace: Workspace, load: Any) -> None:
    models.register("plain", load, "1")
    assert len(todo(STEP, workspace, SETTINGS).missing) == 1
    assert isinstance(models.load("plain", "cpu"), FeatureModel)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.ones(2), r"in the shape \(2, D\), got \(2,\)"),
        (np.ones((3, 2)), r"got \(3, 2\)"),
        (np.ones((2, 0)), r"got \(2, 0\)"),
        (np.array([[1.0], [np.nan]]), "finite numbers"),
        (np.array([[1.0], [1e6]]), "up to 65,504.*got 1e[+]06 to 1e[+]06"),
        (np.array([[1.0], [1e-30]]), "at least 3e-6"),
    ],
)
def test_features_of_a_model_that_cannot_be_kept(features: np.ndarray, message: str) -> None:
    with pytest.raises(RegroundError, match=rf"features of 'm'.*{message}"):
        as_float16("m", 2, features)


def test_features_of_zeros_are_kept() -> None:
    assert as_float16("m", 2, np.zeros((2, 3), np.float32)).tolist() == [[0, 0, 0], [0, 0, 0]]
