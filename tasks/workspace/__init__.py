"""The workspace: tables, manifest, locks and what a step is."""

from reground.tasks.workspace.csv import read_csv
from reground.tasks.workspace.export_table import write_table
from reground.tasks.workspace.seed import derive_seed
from reground.tasks.workspace.step import Plan, Shard, Step, finish, image_shards, run_shard, todo
from reground.tasks.workspace.store import Entry, Output, Part, Workspace, digest

__all__ = [
    "Entry",
    "Output",
    "Part",
    "Plan",
    "Shard",
    "Step",
    "Workspace",
    "derive_seed",
    "digest",
    "finish",
    "image_shards",
    "read_csv",
    "run_shard",
    "todo",
    "write_table",
]
