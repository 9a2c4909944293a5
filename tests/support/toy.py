"""Toy steps under the real names: what schedules steps is tried without what steps cost."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from reground.flows import steps
from reground.flows.settings import Settings
from reground.tasks.errors import RegroundError
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Output, Shard, Step, Workspace, image_shards

IMAGES, PER_SHARD = 24, 4


def image_rows(start: int) -> list[dict]:
    return [
        {
            "image_id": f"toy_{number:04d}",
            "uri": f"/nowhere/toy_{number:04d}.png",
            "class_idx": 151,
            "wnid": "n02085620",
            "width": 32,
            "height": 32,
            "mode": "RGB",
            "sha256": "0" * 64,
            "boxes": [{"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}],
            "split": "val",
        }
        for number in range(start, start + PER_SHARD)
    ]


def mask_rows(images: list[dict]) -> list[dict]:
    rest = {"method": "toy", "rle": "", "width": 32, "height": 32, "area_ratio": 0.5, "quality": 1.0, "seed": 0}
    rest |= {"box": None, "quarantine": None}
    return [{"image_id": row["image_id"], **rest} for row in images]


def toy_steps(seconds: float = 0.0, fail_at: str = "", calls: list[str] | None = None) -> dict[str, Step]:
    """index, masks and variants; the other steps have nothing to do.

    ``fail_at`` names a shard of masks that raises; ``calls`` gets the name of every shard of masks.
    """

    def index(_: Workspace, settings: object, shard: Shard) -> Output:
        return Output({"images": image_rows(shard.args["start"])})

    def masks(workspace: Workspace, settings: object, shard: Shard) -> Output:
        if calls is not None:
            calls.append(shard.id)
        time.sleep(seconds)
        if shard.id == fail_at:
            raise RegroundError(f"shard {shard.id} cannot be read")
        rows = mask_rows(workspace.read_part(shard.hints["part"]).to_pylist())
        left_out = {"stage": "masks", "item": rows[0]["image_id"], "reason": "mask_too_small", "detail": "1 pixel"}
        return Output({"masks": rows[1:], "dropped": [left_out]})

    def variants(workspace: Workspace, settings: object, shard: Shard) -> Output:
        rows = workspace.read_part(shard.hints["part"]).to_pylist()
        return Output({f"variants/{name}": [_variant(row, name) for row in rows] for name in VARIANTS})

    def index_plan(_: Workspace, settings: object) -> list[Shard]:
        return [Shard(f"{n:05d}", (), {"start": n}, PER_SHARD) for n in range(0, IMAGES, PER_SHARD)]

    def later(workspace: Workspace, settings: object) -> list[Shard]:
        return image_shards(workspace)

    def nothing(_: Workspace, settings: object) -> list[Shard]:
        return []

    of = {name: type(Settings().of(name)) for name in steps.MODULES}
    return {
        **{name: Step(name, 1, of[name], nothing, index) for name in steps.MODULES},
        "index": Step("index", 1, of["index"], index_plan, index),
        "masks": Step("masks", 1, of["masks"], later, masks),
        "variants": Step("variants", 1, of["variants"], later, variants, parallel=False),
    }


@contextmanager
def toys(**how) -> Iterator[None]:
    """The toy steps in place of the real ones, in this process."""
    found = steps.find
    steps.find = toy_steps(**how).__getitem__
    try:
        yield
    finally:
        steps.find = found


def _variant(row: dict, name: str) -> dict:
    colour = [VARIANTS.index(name) * 30, int(row["image_id"][-4:]) * 10 % 255, 90]
    buffer = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), colour, np.uint8)).save(buffer, "PNG")
    return {
        "image_id": row["image_id"],
        "background_id": None,
        "class_idx": row["class_idx"],
        "group": 0,
        "background_group": None,
        "seed": 0,
        "image": {"bytes": buffer.getvalue(), "path": f"{row['image_id']}.png"},
    }
