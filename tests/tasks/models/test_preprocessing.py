"""Preprocessing against the libraries' own transforms, and its string."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import timm.data
import torchvision
from PIL import Image

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import ImageError
from reground.tasks.models import timm_model, torchvision_model

SIZES = [(333, 500), (500, 375), (224, 224), (97, 410), (1000, 301)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("weights", ["ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V2",
                                     "Inception_V3_Weights.DEFAULT", "ViT_H_14_Weights.DEFAULT"])  # fmt: skip
def test_photographs_go_through_torchvisions_own_transform(weights: str, size: tuple[int, int]) -> None:
    preset = torchvision.models.get_weight(weights).transforms()
    photograph, _ = torchvision_model.transforms(preset)
    pixels = noise(*size)
    expected = preset(Image.fromarray(pixels)).numpy()
    np.testing.assert_array_equal(models.Preprocessing(photograph)(pixels), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name", ["resnet50.a1_in1k", "vit_base_patch16_clip_224.openai", "beit_base_patch16_224", "tf_efficientnet_lite2"]
)
def test_photographs_go_through_timms_own_transform(name: str, size: tuple[int, int]) -> None:
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    photograph, _ = timm_model.transforms(name, config)
    pixels = noise(*size)
    expected = timm.data.create_transform(**config)(Image.fromarray(pixels)).numpy()
    np.testing.assert_allclose(models.Preprocessing(photograph)(pixels), expected, rtol=0, atol=1e-6)


def test_timms_squash_crops_after_squashing() -> None:
    config = {"input_size": (3, 96, 96), "crop_pct": 0.9, "crop_mode": "squash", "interpolation": "bilinear",
              "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}  # fmt: skip
    pixels = noise(120, 200)
    expected = timm.data.create_transform(**config)(Image.fromarray(pixels)).numpy()
    photograph, _ = timm_model.transforms("squashed", config)
    np.testing.assert_allclose(models.Preprocessing(photograph)(pixels), expected, rtol=0, atol=1e-6)


def test_a_crop_nobody_here_knows_is_an_error() -> None:
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg("resnet50").to_dict())
    with pytest.raises(RegroundError, match="crop mode 'border': expected a square and center or squash"):
        timm_model.transforms("timm:bordered", {**config, "crop_mode": "border"})


def test_a_square_keeps_its_border() -> None:
    pixels = np.zeros((224, 224, 3), np.uint8)
    pixels[:8] = pixels[-8:] = pixels[:, :8] = pixels[:, -8:] = 255
    photograph, square = torchvision_model.transforms(torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms())
    inside, whole = (models.Preprocessing(spec)(pixels) for spec in (photograph, square))
    assert whole.shape == inside.shape == (3, 224, 224)
    assert whole[0, 0].min() == whole[0].max() > whole[0].min()
    np.testing.assert_array_equal(whole[1, 8:-8, 8:-8], whole[1].min())


def test_numbers_in_the_string_are_exact() -> None:
    from reground.tasks.models.preprocessing import normalize

    assert normalize([0.48145466], [1 / 3]) == "normalize(0.48145466, 0.3333333333333333)"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("decode|rotate(90)", "unknown preprocessing 'rotate': expected one of: center_crop, decode, normalize"),
        ("decode|resize(224, cubic)", "unknown interpolation 'cubic': did you mean 'bicubic'"),
        ("decode|resize(224)", r"'resize\(224\)' is not valid"),
        ("decode|center_crop(wide)", r"'center_crop\(wide\)' is not valid"),
        ("decode|center_crop(224", r"unknown preprocessing 'center_crop\(224'"),
    ],
)
def test_a_string_that_is_no_preprocessing(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        models.Preprocessing(spec)


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (1, 400_000)])
def test_what_is_made_of_a_picture_is_bounded_as_a_picture_is(size: tuple[int, int]) -> None:
    """60,000 x 1 pixels fit into 15 KB of JPEG; resized to a short side of 256, they take 11 GB."""
    preprocessing = models.Preprocessing("decode|resize_short(256, bicubic)|center_crop(224)|value_range(0, 1)")
    with pytest.raises(ImageError, match=r"too_large: .* pixels, over the limit of 100,000,000"):
        preprocessing(np.zeros((*size, 3), np.uint8))
    assert preprocessing(np.zeros((1, 1500, 3), np.uint8)).shape == (3, 224, 224)
