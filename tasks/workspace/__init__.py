"""The workspace: tables, manifest, locks and what a step is."""

from reground.tasks.workspace import lock, remembered
from reground.tasks.workspace.export_table import read_table, write_table
from reground.tasks.workspace.fields import Fault, SettingField, build, fields, raise_faults, refused, type_faults
from reground.tasks.workspace.location import is_workspace
from reground.tasks.workspace.manifest import Entry, Output, Part, digest
from reground.tasks.workspace.partition import overlaps, partition
from reground.tasks.workspace.planning import StepStatus, finish, step_status, todo
from reground.tasks.workspace.repair import repair_manifest
from reground.tasks.workspace.seed import derive_seed
from reground.tasks.workspace.setting_types import (
    Device,
    FileAddress,
    FilePath,
    Location,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    Share,
)
from reground.tasks.workspace.step import (
    PlanInputs,
    Shard,
    Step,
    StepPlan,
    image_shards,
    make_shard,
    retire,
    run_shard,
)
from reground.tasks.workspace.store import Workspace

__all__ = [
    "Device",
    "Entry",
    "Fault",
    "FileAddress",
    "FilePath",
    "Location",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Output",
    "Part",
    "PositiveInt",
    "SettingField",
    "Shard",
    "Share",
    "Step",
    "StepPlan",
    "StepStatus",
    "PlanInputs",
    "Workspace",
    "build",
    "derive_seed",
    "digest",
    "fields",
    "finish",
    "image_shards",
    "is_workspace",
    "lock",
    "make_shard",
    "overlaps",
    "partition",
    "read_table",
    "repair_manifest",
    "raise_faults",
    "remembered",
    "refused",
    "type_faults",
    "run_shard",
    "retire",
    "step_status",
    "todo",
    "write_table",
]
