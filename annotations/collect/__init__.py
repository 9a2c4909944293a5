"""Collecting: annotations in Label Studio -> votes, and a score for each annotator."""

from reground.annotations.collect.adjudication import adjudicate, update_decisions
from reground.annotations.collect.answers import AnswerBatch, read_answers
from reground.annotations.collect.parse import STAGE, TaskRows
from reground.annotations.collect.sync import fetch_answers
from reground.annotations.collect.votes import (
    PullSummary,
    all_curators,
    available_projects,
    collect_votes,
    parse_task,
    update_annotators,
)

__all__ = [
    "available_projects",
    "collect_votes",
    "update_annotators",
    "update_decisions",
    "adjudicate",
    "PullSummary",
    "STAGE",
    "fetch_answers",
    "read_answers",
    "AnswerBatch",
    "parse_task",
    "all_curators",
    "TaskRows",
]
