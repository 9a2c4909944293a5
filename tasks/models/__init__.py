"""Everything that can predict, behind one protocol. The only place that imports torch.

Importing this package imports no framework: `load` imports the one that a model needs, and the names
that need torch load when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from reground.tasks.cores import wait_passively
from reground.tasks.models.gpus import gpu_problems, gpus_of
from reground.tasks.models.preprocessing import Preprocessing
from reground.tasks.models.protocol import FeatureModel, Model, Recipe
from reground.tasks.models.registry import (
    REGISTRY,
    check_features,
    load,
    name_of_slug,
    name_problems,
    no_features,
    plugin_args,
    register,
    slug,
)

wait_passively()

if TYPE_CHECKING:
    from reground.tasks.models.compositor import CompositeOutput, Compositor
    from reground.tasks.models.network import Network, gpu_name

__all__ = [
    "REGISTRY",
    "CompositeOutput",
    "Compositor",
    "FeatureModel",
    "Model",
    "Network",
    "Preprocessing",
    "Recipe",
    "check_features",
    "gpu_name",
    "gpu_problems",
    "gpus_of",
    "load",
    "name_problems",
    "name_of_slug",
    "no_features",
    "plugin_args",
    "register",
    "slug",
]

_TORCH: Final = {
    "CompositeOutput": "reground.tasks.models.compositor",
    "Compositor": "reground.tasks.models.compositor",
    "Network": "reground.tasks.models.network",
    "gpu_name": "reground.tasks.models.network",
}


def __getattr__(name: str) -> Any:
    if name not in _TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_TORCH[name]), name)
