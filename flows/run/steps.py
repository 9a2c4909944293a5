"""The steps in the order of the house, found by name. Modules load when a step is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from reground.tasks.errors import unknown

if TYPE_CHECKING:
    # The command line asks for names only, and its help must be quick.
    from reground.tasks.workspace.step import Step

MODULES: Final[dict[str, str]] = {
    "index": "reground.tasks.images.index",
    "released": "reground.tasks.imagenet9.step",
    "masks": "reground.tasks.masks.step",
    "variants": "reground.tasks.variants.step",
    "predict": "reground.tasks.predictions.step",
    "candidates": "reground.tasks.predictions.candidates",
    "adversarial": "reground.tasks.adversarial.step",
    "truth": "reground.annotations.truth.step",
    "needs_vote": "reground.annotations.truth.needs_vote",
    "evaluate": "reground.tasks.evaluation.step",
    "report": "reground.tasks.report.step",
}
"""Step name -> the module that holds it as ``STEP``, in the order they run."""

ON_REQUEST: Final = ("released", "adversarial")
"""Steps that ``reground run`` leaves out: one stands in for three others, one costs more than all others."""

RUN: Final = tuple(name for name in MODULES if name not in ON_REQUEST)
"""Steps of ``reground run``, in order."""


def find(name: str) -> Step[Any]:
    """The step called ``name``.

    Raises:
        UsageError: no such step; the message lists all.
    """
    if name not in MODULES:
        raise unknown("step", name, MODULES)
    return importlib.import_module(MODULES[name]).STEP
