"""Photographs with copies of some of them planted, indexed, with facts; and their suspects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reground.flows.run import run_step
from reground.tasks.facts import FactSettings
from reground.tasks.images import IndexSettings
from reground.tasks.suspects import STEP, SuspectSettings
from reground.tasks.workspace import Workspace, retire, run_shard, todo
from tests.support.label_studio_world import photographs
from tests.support.masks_world import TWO_THREADS, quiet
from tests.support.textures import copies

EXACT = {"renamed": "bytes", "folder": "bytes", "suffix": "pixels"}
"""Change of a copy -> how it is the same picture."""
FOLDERS = ("n02099601", "n02123045")


def plant(folder: Path, per_change: int = 3) -> dict[str, tuple[str, str]]:
    """Photographs below ``folder``, and copies of some: name of the copy -> (change, name of its original)."""
    files = photographs()
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    for file in files.values():
        shutil.copy(file, folder / FOLDERS[0] / file.name)
    planted: dict[str, tuple[str, str]] = {}
    changes = [*EXACT, *copies(np.zeros((8, 8, 3), np.uint8))]
    for place, change in enumerate(changes):
        for number in range(per_change):
            stem = list(files)[(place * per_change + number) % len(files)]
            name = f"copy-{change.replace(' ', '-')}-{number}"
            _copy(files[stem], change, folder, name)
            planted[name] = change, stem
    return planted


def _copy(file: Path, change: str, folder: Path, name: str) -> None:
    if EXACT.get(change) == "bytes":
        shutil.copy(file, folder / FOLDERS[change == "folder"] / f"{name}{file.suffix}")
        return
    pixels = np.asarray(Image.open(file).convert("RGB"))
    changed = pixels if change == "suffix" else copies(pixels)[change]
    Image.fromarray(changed).save(folder / FOLDERS[0] / f"{name}.png")


def index(images: Path, url: Path, facts: bool = True) -> Workspace:
    """A workspace of the photographs below ``images``."""
    workspace = Workspace(url)
    progress = quiet(images.parent)
    run_step("index", workspace, IndexSettings(images=str(images)), TWO_THREADS, progress)
    if facts:
        run_step("facts", workspace, FactSettings(), TWO_THREADS, progress)
    return workspace


def find(workspace: Workspace, kind: str, **settings: object) -> pd.DataFrame:
    """Suspects of one kind, found now where need be; evidence is read."""
    whole = SuspectSettings(find=(kind,), **settings)  # type: ignore[arg-type]
    plan = todo(STEP, workspace, whole)
    retire(STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(STEP, workspace, whole, shard)
    rows = workspace.read("suspects")
    return rows.assign(evidence=[json.loads(text) for text in rows["evidence"]])


def pairs(suspects: pd.DataFrame) -> set[tuple[str, str]]:
    """(image, related image) of all suspects."""
    return {(row["image_id"], other) for row in suspects.to_dict("records") for other in row["related"]}
