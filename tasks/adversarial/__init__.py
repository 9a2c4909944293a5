"""Which backgrounds fool a model on which foregrounds."""

from reground.tasks.adversarial.step import STEP, AdversarialSettings
from reground.tasks.adversarial.summary import SearchSummary, summarize

__all__ = ["STEP", "AdversarialSettings", "SearchSummary", "summarize"]
