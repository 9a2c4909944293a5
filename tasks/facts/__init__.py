"""Facts of the photographs themselves: digest of their pixels, hashes, thumbnail, colour, sharpness, exposure."""

from reground.tasks.facts.current import require_facts, why_no_facts
from reground.tasks.facts.step import STEP, FactSettings

__all__ = ["STEP", "FactSettings", "require_facts", "why_no_facts"]
