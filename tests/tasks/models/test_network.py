"""Networks on their device: memory, threads, damaged weights and the hash of weights."""

from __future__ import annotations

import threading
from typing import NoReturn

import numpy as np
import pytest
import torch

from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.models.network import Network, choose_device, weights_sha256


def network(module: torch.nn.Module, classes: int = 4) -> Network:
    square = "decode|resize(8, bilinear)|value_range(0, 1)"
    return Network("toy", module, "random", classes, (), square, square, "cpu")


def linear(classes: int = 4) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, classes))


def test_out_of_memory_halves_the_batch_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.sizes = linear(), []

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.sizes.append(len(x))
            if len(x) > 2:
                raise torch.OutOfMemoryError("full")
            return self.inner(x)

    batch = np.random.default_rng(0).random((7, 3, 8, 8), np.float32)
    small = Small()
    made = network(small)
    np.testing.assert_allclose(made.predict(batch), network(linear()).predict(batch), atol=1e-6)
    assert small.sizes == [4, 2, 2, 2, 1]
    assert "going on with 2" in caplog.text


def test_a_single_image_that_does_not_fit_is_an_error() -> None:
    class Full(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> NoReturn:
            raise torch.OutOfMemoryError("full")

    with pytest.raises(RegroundError, match="not even one image of 'toy' fits"):
        network(Full()).predict(np.zeros((3, 3, 8, 8), np.float32))


def test_a_worker_granted_one_thread_computes_as_all_do() -> None:
    class Counting(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 4), float(torch.get_num_threads())).cumsum(1)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    seen: list[np.ndarray] = []
    try:
        worker = threading.Thread(target=lambda: seen.append(network(Counting()).predict(np.zeros((1, 3, 8, 8), "f"))))
        worker.start()
        worker.join()
    finally:
        torch.set_num_threads(before)
    logits = torch.arange(1.0, 5.0) * cores()
    np.testing.assert_allclose(seen[0][0], logits.softmax(0).numpy())


def test_damaged_weights_are_an_error() -> None:
    module = linear()
    torch.nn.init.constant_(module[1].weight, float("nan"))
    with pytest.raises(RegroundError, match="NaN or infinity"):
        network(module).predict(np.ones((1, 3, 8, 8), np.float32))


def test_the_hash_is_of_the_weights_and_their_names() -> None:
    module = linear()
    before = weights_sha256(module)
    assert before == weights_sha256(linear()) and len(before) == 64
    with torch.no_grad():
        module[1].bias[0] += 1
    assert weights_sha256(module) != before
    assert weights_sha256(torch.nn.Sequential(*linear(), torch.nn.Identity())) == before
    assert weights_sha256(torch.nn.Sequential(torch.nn.Identity(), *linear())) != before


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(UsageError, match=r"unknown device 'tpu': .*expected one of: auto, cpu, cuda"):
        choose_device("tpu")


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(RegroundError, match="torch finds none"):
        choose_device("cuda")
