"""A workspace of many shards, of which only the manifest and the tables of one file are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from reground.flows import steps
from reground.flows.settings import remember
from reground.tasks.workspace import Entry, Output, Part, Shard, StepPlan, Workspace, finish
from tests.support.tables import class_row, put_truth, truth_row

MODEL: Final = "efficientnet-lite0"
TABLES: Final = {
    "index": ("images", "dropped"),
    "masks": ("masks", "dropped"),
    "variants": ("variants/only_fg", "variant_inputs"),
    "predict": (f"predictions/{MODEL}",),
    "candidates": ("candidates",),
}
"""Step -> the tables of each of its shards."""
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "index": {"images": "s3://elsewhere/val"},
    "masks": {"method": "supplied:s3://elsewhere/masks"},
    "predict": {"models": [MODEL], "on": ["photographs"]},
}


def fill(workspace: Workspace, entries: int, complete: Sequence[str] = ("index", "masks", "variants")) -> int:
    """List about so many shards, whose files were never written, and write ``classes`` and ``truth``.

    Returns:
        Shards of each step.
    """
    remember(workspace, SETTINGS)
    count = entries // len(TABLES)
    with workspace.lock("reground test"):
        workspace.add([_entry(step, number) for step in TABLES for number in range(count)])
        workspace.commit("index", "classes", "k", Output({"classes": [class_row(0), class_row(1)]}))
        workspace.commit("variants", "groups", "k", Output({"groups": []}))
        put_truth(workspace, [truth_row("a", [0], "unreviewed", None)])
        for name in complete:
            _complete(workspace, name)
    return count


def _entry(step: str, number: int) -> Entry:
    shard = f"{MODEL}.photographs.{number:08b}" if step == "predict" else f"{number:08b}"
    return Entry(step, shard, f"{number:032x}", {table: _part(step, table, number) for table in TABLES[step]}, {})


def _part(step: str, table: str, number: int) -> Part:
    counts = (((step, "unreadable"), 1),) if table == "dropped" else ()
    return Part(f"tables/{table}/{step}-{number:08d}.{'0' * 16}.parquet", 1, 1_000, f"{number:032x}", counts)


def _complete(workspace: Workspace, name: str) -> None:
    step = dataclasses.replace(steps.find(name), finalize=None)
    settings = step.settings(**SETTINGS.get(name, {}))
    shards = [Shard(shard, ()) for shard in workspace.keys(name)]
    finish(step, workspace, StepPlan(shards, [], settings))
