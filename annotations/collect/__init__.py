"""Collecting: annotations in Label Studio -> votes, and a score for each annotator."""

from reground.annotations.collect.parse import TaskRows, parse_annotations
from reground.annotations.collect.sync import AnswerBatch, fetch_answers
from reground.annotations.collect.votes import PullSummary, available_projects, collect_votes, update_annotators

__all__ = [
    "available_projects",
    "collect_votes",
    "update_annotators",
    "PullSummary",
    "fetch_answers",
    "AnswerBatch",
    "parse_annotations",
    "TaskRows",
]
