"""Features are what the last layer reads: its weights make the logits of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from reground.tasks import models
from reground.tasks.errors import RegroundError
from reground.tasks.models import FeatureModel, Network
from reground.tasks.models.features import FeatureTap, last_layer


def network(module: torch.nn.Module, classifier: str = "") -> Network:
    return Network("n", module, "w", 3, (), "decode", "decode", "cpu", classifier)


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(dim=1).numpy()


def pooled(convolution_last: bool) -> torch.nn.Module:
    torch.manual_seed(0)
    body = [torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU()]
    pool = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    last = [torch.nn.Conv2d(5, 3, 1), *pool] if convolution_last else [*pool, torch.nn.Linear(5, 3)]
    return torch.nn.Sequential(*body, *last)


@pytest.mark.parametrize("convolution_last", [False, True])
def test_the_last_layer_makes_the_probabilities_of_the_features(convolution_last: bool) -> None:
    model = network(pooled(convolution_last))
    batch = np.random.default_rng(0).random((7, 3, 16, 16), np.float32)
    probability, features = model.predict_with_features(batch)
    layer = model.module.get_submodule(last_layer(model.module))
    weight, bias = (parameter.detach().numpy() for parameter in layer.parameters())
    assert features.shape == (7, 5)
    np.testing.assert_allclose(softmax(features @ weight.reshape(3, 5).T + bias), probability, atol=1e-6)


def test_probabilities_are_the_same_bytes_with_and_without_features() -> None:
    model = network(pooled(convolution_last=False))
    batch = np.random.default_rng(1).random((9, 3, 16, 16), np.float32)
    assert model.predict_with_features(batch)[0].tobytes() == model.predict(batch).tobytes()


@pytest.mark.slow
def test_features_of_real_weights() -> None:
    model = models.load("efficientnet-lite0", "cpu")
    assert isinstance(model, FeatureModel) and isinstance(model, Network)
    batch = np.random.default_rng(0).normal(0, 1, (3, 3, 224, 224)).astype(np.float32)
    probability, features = model.predict_with_features(batch)
    weight, bias = (parameter.detach().numpy() for parameter in model.module.get_submodule("_fc").parameters())
    assert features.shape == (3, 1280)
    np.testing.assert_allclose(softmax(features @ weight.T + bias), probability, atol=1e-5)


def test_each_thread_takes_its_own_features() -> None:
    layer = torch.nn.Linear(1, 1)
    tap = FeatureTap(torch.nn.Sequential(layer), "0")

    def run(value: int) -> float:
        layer(torch.full((1, 1), float(value)))
        return float(tap.take())

    with tap.attached(), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(200))) == list(range(200))


def test_without_a_last_layer_there_are_no_features() -> None:
    with pytest.raises(RegroundError, match="linear layer"), FeatureTap(torch.nn.Flatten(), "").attached():
        pass


def test_nothing_stays_attached() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(1, 1))
    tap = FeatureTap(module, "0")
    with tap.attached():
        module(torch.zeros(1, 1))
    tap.take()
    module(torch.zeros(1, 1))
    with pytest.raises(RegroundError, match="was not called"):
        tap.take()
