"""The images that a person should look at first: label errors, duplicates, outliers, poison."""

from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.reading import (
    open_suspects,
    recorded_kinds,
    require_kinds,
    review_order,
    why_outdated,
)
from reground.tasks.suspects.registry import REGISTRY, method
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.suspects.step import STEP

__all__ = [
    "REGISTRY",
    "STEP",
    "Method",
    "Suspect",
    "SuspectSettings",
    "method",
    "recorded_kinds",
    "require_kinds",
    "why_outdated",
    "open_suspects",
    "review_order",
]
