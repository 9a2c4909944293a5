"""Small worlds with masks, and what variants of them hold."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from reground.flows.run import run_step
from reground.tasks.masks import MaskSettings, encode_mask
from reground.tasks.variants.step import VariantSettings
from reground.tasks.workspace import Output, Workspace
from tests.support.masks_world import TWO_THREADS, commit_images, index_world, quiet
from tests.support.world import World

MIXED = ("mixed_same", "mixed_rand", "mixed_next")


NO_BOXES: dict[str, dict] = {}


def pixels(image: dict) -> np.ndarray:
    with Image.open(io.BytesIO(image["bytes"])) as opened:
        assert (opened.format, opened.mode) == ("PNG", "RGB")
        return np.asarray(opened)


def read(workspace: Workspace, name: str) -> pd.DataFrame:
    return workspace.read(f"variants/{name}").set_index("image_id", drop=False)


def masked_world(world: World, url: str, tmp_path: Path) -> Workspace:
    workspace = index_world(world, url, tmp_path)
    run_step("masks", workspace, MaskSettings(), TWO_THREADS, quiet(tmp_path))
    return workspace


def copy_of(workspace: Workspace, url: str) -> Workspace:
    """Another workspace with the same index and masks."""
    copy = Workspace(url)
    for step in ("index", "masks"):
        for entry in workspace.entries(step):
            rows = {name: workspace.read_part(part.path).to_pylist() for name, part in entry.tables.items()}
            copy.commit(step, entry.shard, entry.key, Output(rows))
    return copy


def small_world(
    workspace: Workspace,
    tmp_path: Path,
    images: list[dict],
    method: str = "drawn",
    boxes: dict[str, dict] = NO_BOXES,
    **settings: Any,
) -> VariantSettings:
    """One group of dogs around some rows of ``images``; their masks are plain rectangles.

    ``boxes`` are those that masks carry, by image_id.
    """
    commit_images(workspace, images)
    common = {"method": method, "area_ratio": 1.0, "quality": 1.0, "quarantine": None, "seed": 0}
    masks = []
    for image in images:
        mask = np.zeros((image["height"], image["width"]), np.bool_)
        mask[40:60, 40:60] = True
        size = {name: image[name] for name in ("image_id", "width", "height")}
        masks.append(size | common | {"rle": encode_mask(mask), "box": boxes.get(image["image_id"])})
    workspace.commit("masks", "0000", "key", Output({"masks": masks}))
    (tmp_path / "groups.json").write_text('{"dog": ["207"]}')
    return VariantSettings(groups=str(tmp_path / "groups.json"), **settings)
