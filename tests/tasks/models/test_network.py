"""Networks on their device: memory, threads, damaged weights and the hash of weights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import pytest
import torch

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.models.network import Network, choose_device, weights_sha256
from tests.support.needs import need_package


def network(module: torch.nn.Module, classes: int = 4) -> Network:
    square = "decode|resize(8, bilinear)|value_range(0, 1)"
    return Network("toy", module, "random", classes, (), square, square, "cpu")


def whole_device(module: torch.nn.Module) -> Network:
    """As on a GPU: a pass takes the device, and as many images as fit."""
    made = network(module)
    made.pass_size = None
    return made


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
    made = whole_device(small)
    np.testing.assert_allclose(made.predict(batch), network(linear()).predict(batch), atol=1e-6)
    assert small.sizes == [4, 2, 2, 2, 1]
    assert "going on with 2" in caplog.text


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (whole_device, torch.OutOfMemoryError("full")),
        (network, torch.OutOfMemoryError("full")),
        (network, MemoryError()),
        (network, RuntimeError("DefaultCPUAllocator: not enough memory")),
    ],
)
def test_a_single_image_that_does_not_fit_is_an_error(
    make: Callable[[torch.nn.Module], Network], error: Exception
) -> None:
    class Full(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> NoReturn:
            raise error

    with pytest.raises(RegroundError, match=r"not even .* of 'toy' fits? into the memory of cpu"):
        make(Full()).predict(np.zeros((3, 3, 8, 8), np.float32))


def test_another_error_of_a_network_is_its_own() -> None:
    class Broken(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> NoReturn:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        network(Broken()).predict(np.zeros((3, 3, 8, 8), np.float32))


def test_a_pass_has_one_thread_whatever_the_caller_has() -> None:
    seen: list[tuple[int, int]] = []

    class Counting(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((len(x), torch.get_num_threads()))
            return torch.zeros(len(x), 4)

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        network(Counting()).predict(np.zeros((5, 3, 8, 8), np.float32))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert sorted(seen) == [(1, 1), (2, 1), (2, 1)]


@pytest.mark.slow
def test_the_number_of_cores_changes_no_bit() -> None:
    need_package("efficientnet_lite_pytorch")
    code = (
        "import hashlib, numpy as np; from reground.tasks import models; "
        "batch = np.random.default_rng(0).normal(size=(21, 3, 224, 224)).astype(np.float32); "
        "model = models.load('efficientnet-lite0', 'cpu'); "
        "print(hashlib.sha256(model.predict(batch).tobytes()).hexdigest(), "
        "hashlib.sha256(np.concatenate([model.predict(batch[:8]), model.predict(batch[8:])]).tobytes()).hexdigest())"
    )
    digests = {
        digest
        for number in "124"
        for digest in subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": number},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
    }
    assert len(digests) == 1


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
