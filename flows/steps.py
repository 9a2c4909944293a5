"""The steps in the order of the house, found by name. Modules load when a step is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from reground.tasks.errors import unknown

if TYPE_CHECKING:
    # The command line asks for names only, and its help must be quick.
    from reground.tasks.workspace import Step

MODULES: Final[dict[str, str]] = {
    "index": "reground.tasks.images:STEP",
    "imagenet9": "reground.tasks.imagenet9:STEP",
    "facts": "reground.tasks.facts:STEP",
    "masks": "reground.tasks.masks:STEP",
    "variants": "reground.tasks.variants:STEP",
    "predict": "reground.tasks.predictions:PREDICT",
    "neighbours": "reground.tasks.neighbours:STEP",
    "candidates": "reground.tasks.predictions:CANDIDATES",
    "adversarial": "reground.tasks.adversarial:STEP",
    "truth": "reground.annotations.truth:TRUTH",
    "needs_vote": "reground.annotations.truth:NEEDS_VOTE",
    "suspects": "reground.tasks.suspects:STEP",
    "class_pairs": "reground.tasks.class_pairs:STEP",
    "evaluate": "reground.tasks.evaluation:STEP",
    "report": "reground.tasks.report:STEP",
}
"""Step name -> where it is, PACKAGE:NAME, in the order they run."""

ON_REQUEST: Final = ("imagenet9", "adversarial")
"""Steps that ``reground run`` leaves out: one stands in for three others, one costs more than all others."""

RUN: Final = tuple(name for name in MODULES if name not in ON_REQUEST)
"""Steps of ``reground run``, in order."""

AUDIT: Final = ("truth", "needs_vote", "suspects", "class_pairs", "evaluate", "report")
"""Steps of the flow ``audit``, in order."""


def find(name: str) -> Step[Any]:
    """The step called ``name``.

    Raises:
        UsageError: no such step; the message lists all.
    """
    if name not in MODULES:
        raise unknown("step", name, MODULES)
    package, _, attribute = MODULES[name].partition(":")
    return getattr(importlib.import_module(package), attribute)
