"""Index, masks and variants of a drawn world, and the bytes that come of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from reground.flows.run.local import parse_runner, run_step
from reground.flows.run.progress import Lines
from reground.flows.settings import resolve
from reground.tasks.workspace import Workspace
from tests.support.world import World

STEPS = ("index", "masks", "variants")


def curate_settings(world: World) -> dict:
    return {"index": {"images": str(world.images), "boxes": str(world.boxes), "shard_size": 2}}


def curate_here(world: World, folder: Path, runner: str, steps: tuple[str, ...] = STEPS) -> dict[str, str]:
    workspace = Workspace(folder)
    settings = resolve(workspace, curate_settings(world)).settings
    with Path(os.devnull).open("w") as nowhere:
        for step in steps:
            run_step(step, workspace, settings.of(step), parse_runner(runner), Lines(nowhere))
    return content(folder)


def content(workspace: Path) -> dict[str, str]:
    """Path -> hash, of every file in the tables, and what the manifest lists."""
    files = {
        str(file.relative_to(workspace)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((workspace / "tables").rglob("*"))
        if file.is_file()
    }
    return files | {f"{entry.step}/{entry.shard}": repr(entry) for entry in Workspace(workspace).entries()}
