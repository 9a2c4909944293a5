"""Outliers by distance and by facts: which planted faults are found, and which are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reground.tasks.errors import RegroundError
from reground.tasks.neighbours import STEP as NEIGHBOURS
from reground.tasks.neighbours import NeighbourSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.features_world import put_features
from tests.support.suspects_world import find, index
from tests.support.textures import picture


def grainy(seed: int) -> np.ndarray:
    """A picture with the fine structure of a photograph."""
    grain = np.random.default_rng(seed).normal(size=(240, 320, 3)) * 12
    return np.clip(picture(seed) + grain, 0, 255).astype(np.uint8)


def with_neighbours(url: str, vectors: np.ndarray) -> Workspace:
    workspace = put_features(url, vectors)
    for shard in todo(NEIGHBOURS, workspace, NeighbourSettings()).missing:
        run_shard(NEIGHBOURS, workspace, NeighbourSettings(), shard)
    return workspace


def test_the_distance_is_the_mean_of_ten_and_the_fence_that_of_the_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(60, 16)) + 3).astype(np.float16)
    vectors[7] = -vectors[7]
    suspects = find(with_neighbours(str(tmp_path / "w"), vectors), "outlier")
    exact = vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    distance = np.sort(1 - exact @ exact.T, axis=1)[:, 1:11].mean(axis=1)  # the first is the image itself
    first, third = np.quantile(distance, (0.25, 0.75))
    by_id = suspects.set_index("image_id").sort_index()
    assert np.allclose(by_id.score, distance, atol=1e-6)
    assert np.allclose(by_id.threshold, third + 1.7 * (third - first), atol=1e-6)
    assert by_id.flagged.tolist() == (distance > third + 1.7 * (third - first)).tolist()
    assert suspects.image_id[0] == "00007"


def test_equal_features_have_no_outlier(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(1, 16)).repeat(40, axis=0).astype(np.float16)
    assert not find(with_neighbours(str(tmp_path / "w"), vectors), "outlier").flagged.any()


def test_planted_faults_are_named_by_their_facts(tmp_path: Path) -> None:
    folder = tmp_path / "images" / "n02099601"
    folder.mkdir(parents=True)
    plain = grainy(0)
    blurred = Image.fromarray(plain).resize((6, 5)).resize((320, 240), Image.Resampling.BICUBIC)
    planted = {
        "uniform": np.full_like(plain, 128),
        "dark": (plain // 24).astype(np.uint8),
        "bright": (255 - plain // 24).astype(np.uint8),
        "tiny": plain[:20, :20],
        "long": plain[:40],
        "blurred": np.asarray(blurred),
        "noisy": np.random.default_rng(0).integers(0, 256, plain.shape, np.uint8),
        "negative": 255 - plain,
        "swapped": plain[..., ::-1],
    }
    for number in range(30):
        Image.fromarray(grainy(number)).save(folder / f"clean-{number}.png")
    for name, pixels in planted.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{name}.png")
    workspace = index(tmp_path / "images", tmp_path / "w")
    suspects = find(workspace, "outlier")
    faults = {name: one["faults"] for name, one in zip(suspects.image_id, suspects.evidence, strict=True)}
    assert suspects.flagged.all() and (suspects.score >= 2).all()
    unseen = {"negative", "swapped"}  # nobody could tell by features or facts
    assert set(faults) == set(planted) - unseen
    for name in set(planted) - unseen:
        assert name in faults[name]


def test_without_neighbours_and_facts_the_commands_are_named(tmp_path: Path) -> None:
    workspace = put_features(str(tmp_path / "w"), np.ones((2, 2)), features=False)
    with pytest.raises(RegroundError, match=r"reground facts.*reground neighbours"):
        find(workspace, "outlier")
    with pytest.raises(RegroundError, match=r"'x'.*reground neighbours"):
        find(workspace, "outlier", features="x")
