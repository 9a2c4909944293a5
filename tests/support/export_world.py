"""A small judged set to export: photographs of several formats, boxes, masks, votes, and the truth made of them."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.export import export as write_export
from reground.tasks.images import load_classes
from reground.tasks.masks import encode_mask
from reground.tasks.workspace import Workspace, finish, retire, run_shard, todo
from tests.support.tables import image, mask, put, vote

CLASSIFY = "data/annotations_classify_task"
"""The answers among the files of imagenet-multilabel, without their suffix."""
WIDTH, HEIGHT = 30, 20
BOX = (3, 2, 21, 17)
EXTENDED, EMPTY, UNREVIEWED = (f"ILSVRC2012_val_{number:08d}" for number in (3, 7, 50_000))
CHANGED, ODD = "holidays/Dot.and space", "nul"
STRANGE = {CHANGED: 207, ODD: 281}
IMAGENET = {EXTENDED: 0, EMPTY: 1, UNREVIEWED: 2}
"""image_id -> original label."""


def photograph(seed: int, format: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def object_mask() -> np.ndarray:
    """``(HEIGHT, WIDTH) bool``: an object that fills part of `BOX`."""
    made = np.zeros((HEIGHT, WIDTH), np.bool_)
    made[4:15, 5:18] = True
    return made


def image_row(folder: Path, image_id: str, class_idx: int, seed: int, split: str = "val") -> dict[str, Any]:
    """A photograph on disk, JPEG or (of the odd ids) PNG, and its row of ``images``."""
    strange = image_id in STRANGE
    content = photograph(seed, "PNG" if strange else "JPEG")
    path = folder / (f"picture {seed}.png" if strange else f"{image_id}.JPEG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    row = image(image_id, class_idx, str(path), [BOX])
    return row | {"width": WIDTH, "height": HEIGHT, "sha256": hashlib.sha256(content).hexdigest(), "split": split}


def answers(image_id: str, chosen: list[list[int]], shown: list[int], source: str = "recorded") -> list[dict[str, Any]]:
    """CLASSIFY votes of one image: a list of valid labels a person, the first the main one."""
    return [
        vote(
            image_id,
            label,
            f"p{person}",
            "yes" if label in labels else "no",
            main=bool(labels) and label == labels[0],
            num_objects=len(labels) or None,
            source=source,
            annotator_id=f"{source}:p{person}",
            answer_id=f"{source}:{image_id}:{person}",
        )
        for person, labels in enumerate(chosen)
        for label in shown
    ]


VOTES = {
    EXTENDED: ([[1, 0], [1, 0], [1], [0, 1], [1, 0]], [0, 1, 2]),
    EMPTY: ([[], [], [], [], []], [1]),
    CHANGED: ([[208], [208], [208], [208, 207], [208]], [207, 208]),
}


def make_truth(workspace: Workspace, settings: TruthSettings | None = None) -> None:
    settings = settings or TruthSettings()
    found = todo(truth.STEP, workspace, settings)
    retire(truth.STEP, workspace, found)
    for shard in found.missing:
        run_shard(truth.STEP, workspace, settings, shard)
    finish(truth.STEP, workspace, found)


def judged(folder: Path, images: dict[str, int], source: str = "recorded") -> Workspace:
    """A workspace in ``folder/w`` whose photographs lie in ``folder/photographs``."""
    workspace = Workspace(folder / "w")
    rows = [image_row(folder / "photographs", name, label, n) for n, (name, label) in enumerate(images.items())]
    put(workspace, "images", rows)
    put(workspace, "classes", load_classes())
    put(workspace, "votes", [row for name in images if name in VOTES for row in answers(name, *VOTES[name], source)])
    size = {"width": WIDTH, "height": HEIGHT}
    put(workspace, "masks", [mask(name, **size) | {"rle": encode_mask(object_mask())} for name in images])
    make_truth(workspace)
    return workspace


def export(workspace: Workspace, to_format: str, out: Path, only: str = "") -> Path:
    """The folder of an export."""
    return write_export(workspace, to_format, out, only).folder


def truth_of(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """The rows of ``truth``, as plain values; labels that are not settled are the original one."""
    rows = [row for _, part in workspace.parts("truth") for row in workspace.read_part(part.path).to_pylist()]
    originals = {row["image_id"]: [row["original"]] for row in rows if row["labels"] is None}
    return {row["image_id"]: row | {"labels": originals.get(row["image_id"], row["labels"])} for row in rows}


def bytes_of(workspace: Workspace) -> dict[str, bytes]:
    """image_id -> its photograph."""
    images = workspace.read("images", ["image_id", "uri"])
    return {name: Path(uri).read_bytes() for name, uri in zip(images["image_id"], images["uri"], strict=True)}


def left_out(out: Path) -> dict[str, str]:
    if not (out / "left_out.csv").exists():
        return {}
    with (out / "left_out.csv").open(newline="") as handle:
        return {row["image_id"]: row["reason"] for row in csv.DictReader(handle)}
