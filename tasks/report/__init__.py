"""One HTML page of what was measured."""

from reground.tasks.report.step import STEP, ReportSettings
from reground.tasks.report.waiting import tied, waiting

__all__ = ["STEP", "ReportSettings", "waiting", "tied"]
