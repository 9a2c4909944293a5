"""One HTML page of what was measured."""

from reground.tasks.report.step import STEP, ReportSettings
from reground.tasks.report.waiting import ANSWER_COLUMNS, answers_missing, tied, waiting

__all__ = ["STEP", "ReportSettings", "waiting", "tied", "ANSWER_COLUMNS", "answers_missing"]
