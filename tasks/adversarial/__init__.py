"""Which backgrounds fool a model on which foregrounds."""

from reground.tasks.adversarial.step import STEP, AdversarialSettings
from reground.tasks.adversarial.summary import Effort, effort

__all__ = ["STEP", "AdversarialSettings", "Effort", "effort"]
