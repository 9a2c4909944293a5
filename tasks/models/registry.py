"""Models by name: built in, or of a plugin."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.models.preprocessing import Preprocessing
from reground.tasks.models.protocol import Model
from reground.tasks.plugins import Plugin, Registry

Load = Callable[[str, str], Model]
"""(name, device) -> the model; ``device`` is ``auto``, ``cpu`` or ``cuda``."""

LITE: Final = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
FAMILIES: Final = {"timm": "reground.tasks.models.timm_model", "torchvision": "reground.tasks.models.torchvision_model"}


def _check_load(target: Any) -> Load:
    if not callable(target):
        raise TypeError(f"expected a function (name, device) -> Model, got {type(target).__name__}")
    return cast("Load", target)


REGISTRY: Final = Registry("reground.models", "model", [*LITE, *(f"{family}:NAME" for family in FAMILIES)], _check_load)
"""A plugin called ``tiny`` is the model ``tiny``, and ``tiny:REST`` for any REST."""


def model_names() -> list[str]:
    """Names that `load` accepts; NAME stands for any name of that library."""
    return REGISTRY.names()


def check_name(name: str) -> None:
    """Check a name without loading anything.

    Raises:
        UsageError: no model has this name; the message lists those there are.
    """
    REGISTRY.warn()
    _plugin(name)


def plugin_args(name: str) -> dict[str, str]:
    """Part of the shard key that identifies a plugin's model.

    Returns:
        Distribution and version of the plugin; empty for a built-in model.
    """
    plugin = _plugin(name)
    return {"plugin": plugin.origin} if plugin else {}


def check_features(name: str) -> None:
    """Check, without weights, that a model may have features.

    A plugin's function is imported, not called: the class that it is, or that it is annotated to return, tells.

    Raises:
        UsageError: it is sure to have none.
        RegroundError: the plugin cannot be imported.
    """
    plugin = _plugin(name)
    kind = _returned_class(REGISTRY.load(plugin)) if plugin else None
    if kind and not hasattr(kind, "predict_with_features"):
        raise no_features(name)


def no_features(name: str) -> UsageError:
    """The error of a model without features."""
    return UsageError(
        f"expected a model with features (reground.tasks.models.FeatureModel), '{name}' has none: leave it out of "
        "--models, or predict without --features."
    )


def _returned_class(load: Load) -> type | None:
    """The class of the models that it returns; None: not known."""
    try:
        kind = load if inspect.isclass(load) else typing.get_type_hints(load).get("return")
    except Exception:  # hints are evaluated as Python
        return None
    return kind if inspect.isclass(kind) and kind is not object and not getattr(kind, "_is_protocol", False) else None


def _plugin(name: str) -> Plugin | None:
    family, _, rest = name.partition(":")
    if name in LITE or (family in FAMILIES and rest):
        return None
    if family in FAMILIES:
        raise REGISTRY.unknown(name)
    return REGISTRY.find(family)


@functools.lru_cache(maxsize=1)
def load(name: str, device: str = "auto") -> Model:
    """Load a model; the last one is cached.

    Args:
        name: one of `model_names`, such as ``efficientnet-lite0``, ``timm:resnet50``,
            ``timm:local-dir:FOLDER``, ``torchvision:resnet50`` or ``torchvision:resnet50@IMAGENET1K_V1``.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.

    Raises:
        UsageError: an unknown name or device.
        RegroundError: a package, the weights or the GPU is missing; the message says how to get it.
    """
    plugin = _plugin(name)
    if plugin:
        return _check_model(REGISTRY.load(plugin)(name, device), name, plugin)
    module = "reground.tasks.models.efficientnet_lite" if name in LITE else FAMILIES[name.partition(":")[0]]
    return importlib.import_module(module).load(name, device)


def register(name: str, target: Load, version: str = "") -> None:
    """Add a model to this process, see `reground.tasks.plugins.Registry.register`."""
    REGISTRY.register(name, target, version)
    load.cache_clear()


def _check_model(model: Any, name: str, plugin: Plugin) -> Model:
    """Check that a plugin's model implements `Model`.

    Raises:
        RegroundError: an attribute is missing, has a wrong type, or contradicts another.
    """
    expected = {
        "name": lambda value: value == name,
        "class_count": lambda value: isinstance(value, int) and value > 0,
        "wnids": lambda value: len(value) in (0, model.class_count),
        "photograph": lambda value: isinstance(value, Preprocessing),
        "square": lambda value: isinstance(value, Preprocessing),
        "recipe": callable,
        "predict": callable,
    }
    for attribute, holds in expected.items():
        if not hasattr(model, attribute) or not holds(getattr(model, attribute)):
            value = repr(getattr(model, attribute, "nothing"))
            raise RegroundError(
                f"model '{name}' of {plugin.origin} does not follow reground.tasks.models.Model: its attribute "
                f"'{attribute}' is {value}. Upgrade or uninstall {plugin.distribution}."
            )
    return model


def name_problems(names: Iterable[str]) -> Iterator[str]:
    """Faults in the names of an ensemble: unknown names, and pairs that would share a table."""
    by_slug: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            check_name(name)
        except RegroundError as error:
            yield str(error)
        other = by_slug.setdefault(slug(name), name)
        if other != name:
            yield f"'{other}' and '{name}' would share the tables .../{slug(name)}: name one of them"


def slug(name: str) -> str:
    """A model's name as part of a table or file name: ``timm:resnet50`` -> ``timm-resnet50``."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def name_of_slug(slug_text: str) -> str:
    """The inverse of `slug`: ``timm-resnet50`` -> ``timm:resnet50``.

    Raises:
        UsageError: several names have this slug (a folder's, a hub's).
    """
    family, _, rest = slug_text.partition("-")
    if slug_text in model_names():
        return slug_text
    if family == "torchvision":  # whose architectures have no hyphen, which leaves it to the weights
        return f"{family}:{rest.replace('-', '@', 1)}"
    if family in FAMILIES and not rest.startswith(("hf-hub-", "local-dir-")):
        return f"{family}:{rest}"
    raise UsageError(
        f"cannot tell the model of predictions/{slug_text}: several names have this form. "
        "Give it with --model NAME[,NAME...]."
    )
