"""Composites on the device: the same pixels, the same inputs, the same answers as one at a time by numpy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.kernels.compose import paste
from reground.tasks.models import Preprocessing
from reground.tasks.models.compositor import Compositor, Foregrounds
from reground.tasks.models.network import Network
from reground.tasks.models.on_device import pillow_weights, preprocessing_on, resize_by_torch, resize_by_weights

CPU = torch.device("cpu")
LITE = "decode|resize({}, bicubic)|normalize(127 127 127, 128 128 128)"
IMAGENET = "decode|resize({}, {})|value_range(0, 1)|normalize(0.485 0.456 0.406, 0.229 0.224 0.225)"
INCEPTION = "decode|resize({}, bicubic)|value_range(-1, 1)"
GROUPS = np.array([0, 0, 1, 1, -1])
"""Of the toy network's outputs."""


class Toy(torch.nn.Module):
    """Sees colours and coarse layout; its answers differ from picture to picture."""

    def __init__(self, room: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(3 * 16, len(GROUPS))
        torch.nn.init.normal_(self.linear.weight, std=2.0)
        self.room, self.sizes = room, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        if self.room and len(x) > self.room:
            raise torch.OutOfMemoryError("full")
        return self.linear(torch.nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))


def network(module: torch.nn.Module | None = None, square: str = LITE.format(32)) -> Network:
    return Network("toy", module or Toy(), "drawn", len(GROUPS), (), square, square, "cpu")


class Pictures:
    """Foregrounds, masks and backgrounds of random blocks."""

    def __init__(self, count: int = 5, backgrounds: int = 4, side: int = 32, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.pixels, self.behind = (
            np.kron(rng.integers(0, 256, (n, 8, 8, 3)), np.ones((1, side // 8, side // 8, 1))).astype(np.uint8)
            for n in (count, backgrounds)
        )
        self.masks = rng.random((count, side, side)) < 0.5
        self.groups = rng.integers(0, 2, count)

    def staged(self, compositor: Compositor) -> Foregrounds:
        return compositor.stage(self.pixels, self.masks, self.groups)


def pairs(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    count, width = len(pictures.pixels), len(pictures.behind)
    return np.repeat(np.arange(count), width), np.tile(np.arange(width), count)


# Pixels


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3))
def test_a_composite_is_a_hard_paste_to_the_byte(seed: int, count: int, backgrounds: int) -> None:
    pictures = Pictures(count, backgrounds, side=16, seed=seed)
    before = pictures.behind.copy()
    compositor = Compositor(network(), pictures.behind, GROUPS, batch=4)
    f, b = pairs(pictures)
    made = compositor.composites(pictures.staged(compositor), torch.from_numpy(f), torch.from_numpy(b)).numpy()
    expected = [paste(pictures.pixels[i], pictures.masks[i], pictures.behind[j]) for i, j in zip(f, b)]
    np.testing.assert_array_equal(made, np.stack(expected))
    np.testing.assert_array_equal(pictures.behind, before)


def test_black_pixels_of_a_foreground_stay_black() -> None:
    pictures = Pictures()
    pictures.pixels[:] = 0
    compositor = Compositor(network(), pictures.behind, GROUPS, batch=4)
    made = compositor.composites(pictures.staged(compositor), torch.tensor([1]), torch.tensor([2])).numpy()[0]
    assert (made[pictures.masks[1]] == 0).all()
    np.testing.assert_array_equal(made[~pictures.masks[1]], pictures.behind[2][~pictures.masks[1]])


# Preprocessing


@pytest.mark.parametrize(
    "spec", [LITE.format(48), IMAGENET.format(48, "bilinear"), INCEPTION.format(48), "decode|value_range(0.1, 0.7)"]
)
def test_where_nothing_is_resized_inputs_are_equal_to_the_bit(spec: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), np.uint8)
    pixels[0, :16, :16] = np.arange(256).reshape(16, 16, 1)
    run, resized = preprocessing_on(CPU, spec, 48)
    made = run(torch.from_numpy(pixels.copy()))
    expected = np.stack([Preprocessing(spec)(each) for each in pixels])
    assert made.dtype == torch.float32 and made.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(made.numpy(), expected)
    assert not resized


def photograph_like(side: int) -> np.ndarray:
    """Smooth areas with hard edges and some noise, ``(2, side, side, 3) uint8``."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:side, :side]
    base = 128 + 90 * np.sin(x / 17)[..., None] * np.cos(y / np.array([11, 23, 31])[:, None, None]).transpose(1, 2, 0)
    base[side // 3 : side // 2, side // 4 :] += 110
    return (base + rng.normal(0, 6, (2, side, side, 3))).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [96, 240, 260])
@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos", "nearest"])
def test_resizing_is_pillows_but_for_a_level_here_and_there(size: int, method: str) -> None:
    pixels = photograph_like(224)
    how = Image.Resampling[method.upper()]
    expected = np.stack([Image.fromarray(each).resize((size, size), how) for each in pixels]).astype(int)
    ways = {"weights": resize_by_weights(torch.from_numpy(pixels), pillow_weights(224, size, method))}
    if method in ("bilinear", "bicubic"):
        ways["torch"] = resize_by_torch(torch.from_numpy(pixels), size, method)
    for way, made in ways.items():
        off = np.abs(made.numpy().astype(int) - expected)
        assert made.shape == expected.shape
        assert off.max() <= 2 and (off > 0).mean() < 0.1, (way, off.max(), (off > 0).mean())


def test_an_operation_that_squares_are_not_put_through_is_an_error() -> None:
    with pytest.raises(RegroundError, match=r"expected operations on squares .*got 'center_crop\(32\)'"):
        preprocessing_on(CPU, "decode|resize(40, bicubic)|center_crop(32)", 32)


# Answers


def test_answers_are_those_to_each_composite_alone() -> None:
    pictures, net = Pictures(), network()
    compositor = Compositor(net, pictures.behind, GROUPS, batch=8)
    f, b = pairs(pictures)
    answer = compositor.submit(pictures.staged(compositor), f, b)()
    alone = [net.square(paste(pictures.pixels[i], pictures.masks[i], pictures.behind[j])) for i, j in zip(f, b)]
    probability = np.concatenate([net.predict(each[None]) for each in alone])
    np.testing.assert_array_equal(answer.output, probability.argmax(1))
    np.testing.assert_allclose(answer.probability, probability.max(1), atol=1e-5)
    own = GROUPS[None] == pictures.groups[f][:, None]
    logarithm = np.log(probability)
    margin = np.where(own, logarithm, -np.inf).max(1) - np.where(own, -np.inf, logarithm).max(1)
    np.testing.assert_allclose(answer.margin, margin, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(answer.margin > 0, GROUPS[answer.output] == pictures.groups[f])
    assert len(set(answer.output.tolist())) > 2


def test_all_foreground_is_the_picture_itself() -> None:
    pictures, net = Pictures(), network()
    compositor = Compositor(net, pictures.behind, GROUPS, batch=8)
    whole = compositor.stage(pictures.pixels, np.ones_like(pictures.masks), pictures.groups)
    answer = compositor.submit(whole, np.arange(5), np.zeros(5, np.int64))()
    expected = net.predict(np.stack([net.square(each) for each in pictures.pixels]))
    np.testing.assert_allclose(answer.probability, expected.max(1), atol=1e-5)


def test_a_group_without_outputs_is_infinitely_far() -> None:
    pictures = Pictures()
    pictures.groups[:] = 7
    compositor = Compositor(network(), pictures.behind, GROUPS, batch=8)
    answer = compositor.submit(pictures.staged(compositor), *pairs(pictures))()
    assert (answer.margin == -np.inf).all()


def test_out_of_memory_halves_the_batch_goes_on_and_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    pictures, small = Pictures(), Toy(room=2)
    whole = Compositor(network(), pictures.behind, GROUPS, batch=8)
    net = network(small)
    net.pass_size = None  # as on a GPU
    compositor = Compositor(net, pictures.behind, GROUPS, batch=8)
    f, b = pairs(pictures)
    expected = whole.submit(pictures.staged(whole), f[:7], b[:7])()
    answer = compositor.submit(pictures.staged(compositor), f[:7], b[:7])()
    np.testing.assert_array_equal(answer.output, expected.output)
    np.testing.assert_allclose(answer.margin, expected.margin, atol=1e-4)
    assert small.sizes == [4, 2, 2, 2, 1] and "going on with 2" in caplog.text
    assert json.loads(whole.recipe())["at_once"] == 8 and json.loads(compositor.recipe())["at_once"] == 2


def test_not_even_one_composite_fits() -> None:
    class Full(Toy):
        def forward(self, x: torch.Tensor) -> Any:
            raise torch.OutOfMemoryError("full")

    pictures = Pictures()
    compositor = Compositor(network(Full()), pictures.behind, GROUPS, batch=8)
    with pytest.raises(RegroundError, match=r"not even .* of 'toy' fits? into"):
        compositor.submit(pictures.staged(compositor), *pairs(pictures))


def test_what_is_not_a_number_is_an_error() -> None:
    module, pictures = Toy(), Pictures()
    torch.nn.init.constant_(module.linear.bias, torch.nan)
    compositor = Compositor(network(module), pictures.behind, GROUPS, batch=8)
    with pytest.raises(RegroundError, match="probabilities of 'toy', got NaN or infinity"):
        compositor.submit(pictures.staged(compositor), *pairs(pictures))()


# Recipe


def test_the_recipe_says_what_differs_from_predicting() -> None:
    behind = Pictures().behind
    plain = json.loads(Compositor(network(), behind, GROUPS, batch=8).recipe())
    assert plain["preprocessing"] == "decode|paste|resize(32, bicubic)|normalize(127 127 127, 128 128 128)"
    assert plain["precision"] == "float32" and plain["device"] == "cpu" and plain["weights"] == "drawn"
    resized = json.loads(Compositor(network(square=LITE.format(40)), behind, GROUPS, batch=8).recipe())
    assert "decode|paste|[torch bicubic of bytes] resize(40, bicubic)|" in resized["preprocessing"]
    lanczos = network(square=LITE.format(40).replace("bicubic", "lanczos"))
    resized = json.loads(Compositor(lanczos, behind, GROUPS, batch=8).recipe())
    assert "|[pillow's weights for lanczos] resize(40, lanczos)|" in resized["preprocessing"]


def test_half_precision_is_near_and_says_so() -> None:
    pictures = Pictures()
    reproducible_convolutions, half = (
        Compositor(network(), pictures.behind, GROUPS, 8, how) for how in ("float32", "bfloat16")
    )
    f, b = pairs(pictures)
    one, two = (each.submit(pictures.staged(each), f, b)() for each in (reproducible_convolutions, half))
    assert json.loads(half.recipe())["precision"] == "bfloat16"
    assert 0 < np.abs(one.margin - two.margin).max() < 1
    with pytest.raises(UsageError, match="unknown precision 'half': expected one of: auto, bfloat16, float32"):
        Compositor(network(), pictures.behind, GROUPS, 8, "half")
