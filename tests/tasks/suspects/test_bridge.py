"""Bridges by the step: a planted chain of blends is found with its ends, and nothing else is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reground.tasks.errors import RegroundError
from tests.support.suspects_world import find, index
from tests.support.textures import picture

SHARES = (0.06, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85)
"""Of the second end in each blend."""
CLEAN = 24


def blends() -> list[np.ndarray]:
    first, second = (picture(seed).astype(float) for seed in (0, 1))
    return [np.rint((1 - share) * first + share * second).astype(np.uint8) for share in SHARES]


def as_jpeg(pixels: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def bridges(folder: Path, *more: np.ndarray) -> pd.DataFrame:
    """Suspects among 24 pictures, called by their numbers, and some more, from ``blend-0`` on."""
    (folder / "images" / "n02099601").mkdir(parents=True)
    for seed in range(CLEAN):
        Image.fromarray(picture(seed)).save(folder / "images" / "n02099601" / f"{seed:02d}.png")
    for number, pixels in enumerate(more):
        Image.fromarray(pixels).save(folder / "images" / "n02099601" / f"blend-{number}.png")
    return find(index(folder / "images", folder / "w"), "bridge")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_planted_chain_is_found_with_its_ends(tmp_path: Path, compressed: bool) -> None:
    chain = [as_jpeg(pixels) if compressed else pixels for pixels in blends()]
    suspects = bridges(tmp_path, *chain)
    flagged = suspects[suspects.flagged]
    assert set(flagged.image_id) == {f"blend-{number}" for number in range(len(SHARES))}
    assert all(set(related) == {"00", "01"} for related in flagged.related)
    residual = [one["residual"] for one in flagged.evidence]
    assert max(residual) < (0.05 if compressed else 0.02)
    assert np.allclose(flagged.score, 1 - np.array(residual), atol=1e-6)
    assert (flagged.threshold == 0.9).all() and flagged.class_idx.isna().all()


def test_pictures_without_a_chain_are_no_suspects(tmp_path: Path) -> None:
    assert not bridges(tmp_path).flagged.any()


def test_pictures_of_one_grey_are_no_chain(tmp_path: Path) -> None:
    """Mutation: where they are compared too, each lies between a darker and a lighter one."""
    greys = [np.full((64, 64, 3), value, np.uint8) for value in (0, 60, 120, 250)]
    assert not bridges(tmp_path, *greys).flagged.any()


def test_without_facts_the_command_is_named(tmp_path: Path) -> None:
    (tmp_path / "images" / "n02099601").mkdir(parents=True)
    Image.fromarray(picture(0)).save(tmp_path / "images" / "n02099601" / "a.png")
    workspace = index(tmp_path / "images", tmp_path / "w", facts=False)
    with pytest.raises(RegroundError, match=r"'bridge'.*reground facts"):
        find(workspace, "bridge")
