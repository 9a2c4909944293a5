"""One HTML page of what was measured."""

from reground.tasks.report.step import STEP, ReportSettings
from reground.tasks.report.waiting import answers_missing, tied, waiting

__all__ = ["STEP", "ReportSettings", "waiting", "tied", "answers_missing"]
