"""Adversarial backgrounds: the backgrounds that fool a model, for each foreground."""

from reground.tasks.adversarial.step import STEP, AdversarialSettings
from reground.tasks.adversarial.summary import SearchSummary, summarize_search

__all__ = ["AdversarialSettings", "STEP", "summarize_search", "SearchSummary"]
