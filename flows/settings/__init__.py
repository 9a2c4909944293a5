"""Settings: where each value comes from, which are refused, and what a workspace remembers.

Later sources win: default, workspace, file (``--config``), environment, command line.
"""

from reground.flows.settings.check import resolve_for
from reground.flows.settings.model import Settings
from reground.flows.settings.remember import forget, remember, remembering
from reground.flows.settings.resolve import Resolved, Row, resolve
from reground.flows.settings.sources import CallSettings, FlowSettings, Origin
from reground.tasks.workspace import SettingField, fields

__all__ = [
    "Settings",
    "SettingField",
    "fields",
    "resolve",
    "resolve_for",
    "Resolved",
    "Row",
    "Origin",
    "CallSettings",
    "FlowSettings",
    "remembering",
    "remember",
    "forget",
]
