"""Rounds of questions: which pairs to ask about, whom to ask, and their tasks in Label Studio."""

from reground.annotations.rounds.assignment import assignees, normalize_email
from reground.annotations.rounds.check import review_faults
from reground.annotations.rounds.controls import delete_unused_controls, read_controls
from reground.annotations.rounds.decide import has_voted, plan_decisions
from reground.annotations.rounds.disputes import MIN_AGREEMENT, Dispute, find_disputes
from reground.annotations.rounds.duration import Pace, measure_pace, total_seconds
from reground.annotations.rounds.gold import GOLD_COLUMNS, gold_sources, import_gold, read_gold, remove_gold
from reground.annotations.rounds.local_folder import local_folder
from reground.annotations.rounds.opaque_names import read_secret, with_opaque_names
from reground.annotations.rounds.pending import write_pending
from reground.annotations.rounds.planning import RoundPlan, plan_round
from reground.annotations.rounds.prefetch import prefetch_map
from reground.annotations.rounds.projects import (
    Reconciliation,
    ReviewRound,
    create_project,
    get_own_project,
    reconcile,
    workspace_tag,
)
from reground.annotations.rounds.questions import Question
from reground.annotations.rounds.render import TaskRenderer
from reground.annotations.rounds.settings import ExclusionRule, ReviewSettings
from reground.annotations.rounds.task_data import (
    COMMENT,
    MANY_OBJECTS,
    NONE_OF_THESE,
    NOT_VALID,
    TILE_KEYS,
    VALID,
    classify_result,
    contains_result,
    decide_result,
)
from reground.annotations.rounds.task_images import DOCUMENT_ROOT, IMAGE_FOLDER
from reground.annotations.rounds.task_registry import Task, read_task_batch, read_tasks, task_ids_by_project
from reground.annotations.rounds.upload import create_tasks
from reground.annotations.rounds.users import UserDirectory, fetch_users, read_users, update_users

__all__ = [
    "ReviewSettings",
    "review_faults",
    "ExclusionRule",
    "import_gold",
    "read_gold",
    "GOLD_COLUMNS",
    "gold_sources",
    "remove_gold",
    "ReviewRound",
    "Question",
    "RoundPlan",
    "plan_round",
    "assignees",
    "reconcile",
    "Reconciliation",
    "read_secret",
    "with_opaque_names",
    "write_pending",
    "Pace",
    "measure_pace",
    "total_seconds",
    "create_tasks",
    "create_project",
    "get_own_project",
    "workspace_tag",
    "TaskRenderer",
    "DOCUMENT_ROOT",
    "UserDirectory",
    "read_users",
    "fetch_users",
    "update_users",
    "IMAGE_FOLDER",
    "local_folder",
    "Task",
    "read_tasks",
    "read_task_batch",
    "task_ids_by_project",
    "read_controls",
    "delete_unused_controls",
    "contains_result",
    "classify_result",
    "NONE_OF_THESE",
    "MANY_OBJECTS",
    "TILE_KEYS",
    "decide_result",
    "VALID",
    "NOT_VALID",
    "COMMENT",
    "Dispute",
    "MIN_AGREEMENT",
    "find_disputes",
    "has_voted",
    "plan_decisions",
    "normalize_email",
    "prefetch_map",
]
