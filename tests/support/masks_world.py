"""Small worlds to mask: an index of them, rows of images, and digests of what is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from reground.flows.run import Runner, run_step
from reground.flows.run.progress import Lines
from reground.tasks.images import IndexSettings
from reground.tasks.workspace import Output, Workspace
from tests.support.world import World

TWO_THREADS = Runner("threads", 2)


def quiet(tmp_path: Path) -> Lines:
    return Lines((tmp_path / "progress").open("a"))


def index_world(world: World, url: str, tmp_path: Path, shard_size: int = 6) -> Workspace:
    workspace = Workspace(url)
    settings = IndexSettings(images=str(world.images), boxes=str(world.boxes), shard_size=shard_size)
    run_step("index", workspace, settings, TWO_THREADS, quiet(tmp_path))
    return workspace


def commit_images(workspace: Workspace, rows: list[dict]) -> None:
    """Rows of ``images``, as if indexed."""
    common = {"class_idx": 207, "wnid": "", "mode": "RGB", "sha256": "", "split": "val"}
    classes = [{"class_idx": 207, "name": "retriever", "wnids": [], "gloss": ""}]
    workspace.commit("index", "0000", "key", Output({"images": [common | row for row in rows], "classes": classes}))


def box(xmin: int, ymin: int, xmax: int, ymax: int) -> dict[str, int]:
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}


def row(path: Path, pixels: np.ndarray, *boxes: dict[str, int]) -> dict:
    Image.fromarray(pixels).save(path)
    height, width = pixels.shape[:2]
    return {"image_id": path.stem, "uri": str(path), "width": width, "height": height, "boxes": list(boxes)}


def digests(workspace: Workspace, *tables: str) -> list[tuple[str, str]]:
    return [(entry.shard, part.digest) for table in tables for entry, part in workspace.parts(table)]
