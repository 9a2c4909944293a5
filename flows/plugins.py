"""The plugins of every group, as ``reground doctor`` lists them."""

from __future__ import annotations

from reground.annotations import published
from reground.tasks import export, masks, models, suspects
from reground.tasks.plugins import PluginState

REGISTRIES = (models.REGISTRY, masks.REGISTRY, export.REGISTRY, published.REGISTRY, suspects.REGISTRY)


def plugins() -> list[PluginState]:
    """Import every plugin, and say of each whether it can be used, and why not."""
    return [state for registry in REGISTRIES for state in registry.states()]
