"""Features are what the last layer reads: its weights make the logits of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from reground.tasks import models
from reground.tasks.errors import RegroundError
from reground.tasks.models import FeatureModel, Network, timm_model
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


def timm_network(name: str, **options: Any) -> Network:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    module = timm.create_model(name, pretrained=False, num_classes=3, **options)
    return network(module, timm_model.classifier_name(module.pretrained_cfg))


def torchvision_network(name: str, **options: Any) -> Network:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    return network(torchvision.models.get_model(name, weights=None, num_classes=3, **options))


NETWORKS: dict[str, tuple[Callable[[], Network], int]] = {
    "timm:resnet18": (lambda: timm_network("resnet18"), 64),
    "timm:vit_tiny": (lambda: timm_network("vit_tiny_patch16_224", img_size=32), 32),
    "timm:convnext_atto": (lambda: timm_network("convnext_atto"), 64),
    "timm:vgg11": (lambda: timm_network("vgg11"), 224),
    "timm:mobilenetv3": (lambda: timm_network("mobilenetv3_small_050"), 64),
    "timm:swin": (lambda: timm_network("swin_tiny_patch4_window7_224", img_size=64, window_size=2), 64),
    "timm:mixer": (lambda: timm_network("mixer_s32_224", img_size=64), 64),
    "torchvision:resnet18": (lambda: torchvision_network("resnet18"), 64),
    "torchvision:vit": (lambda: torchvision_network("vit_b_16", image_size=32), 32),
    "torchvision:densenet121": (lambda: torchvision_network("densenet121"), 64),
    "torchvision:mobilenet_v3": (lambda: torchvision_network("mobilenet_v3_small"), 64),
    "torchvision:googlenet": (lambda: torchvision_network("googlenet", init_weights=False), 64),
    "torchvision:inception": (lambda: torchvision_network("inception_v3", init_weights=False), 96),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_makes_the_logits_of_the_features(name: str) -> None:
    make, side = NETWORKS[name]
    model = make()
    batch = np.random.default_rng(0).normal(0, 1, (3, 3, side, side)).astype(np.float32)
    probability, features = model.predict_with_features(batch)
    assert len(features) == 3 and features.ndim == 2 and np.isfinite(features).all() and np.ptp(features, axis=0).any()
    assert model.tap.layer is not None
    with torch.inference_mode():
        logits = model.tap.layer(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(softmax(logits), probability, atol=1e-5)


@pytest.mark.slow
def test_of_two_heads_the_first_and_of_a_convolution_what_it_reads_on_the_average() -> None:
    """A distilled DeiT averages the logits of two tokens; SqueezeNet cuts its logits off below zero, then pools."""
    deit = timm_network("deit_tiny_distilled_patch16_224", img_size=32)
    squeezenet = torchvision_network("squeezenet1_1")
    batch = np.random.default_rng(0).normal(0, 1, (3, 3, 32, 32)).astype(np.float32)
    with torch.inference_mode():
        tokens = deit.module.forward_features(torch.from_numpy(batch))  # type: ignore[operator]
        maps = squeezenet.module.get_submodule("features")(torch.from_numpy(batch))
    np.testing.assert_allclose(deit.predict_with_features(batch)[1], tokens[:, 0].numpy(), atol=1e-5)
    np.testing.assert_allclose(squeezenet.predict_with_features(batch)[1], maps.mean(dim=(2, 3)).numpy(), atol=1e-5)


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
