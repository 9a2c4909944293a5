"""Answers from Label Studio to votes, and how well each annotator answers."""

from reground.annotations.collect.parse import ParsedTask, parse_annotations
from reground.annotations.collect.sync import AnswerBatch, fetch_answers
from reground.annotations.collect.votes import PullSummary, available_projects, collect_votes, summarize

__all__ = [
    "collect_votes",
    "summarize",
    "PullSummary",
    "available_projects",
    "fetch_answers",
    "AnswerBatch",
    "parse_annotations",
    "ParsedTask",
]
