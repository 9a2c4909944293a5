"""Models by name."""

from __future__ import annotations

import functools
import importlib
import re
from typing import Final

from reground.tasks.errors import UsageError, unknown
from reground.tasks.models.protocol import Model

LITE: Final = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
FAMILIES: Final = {"timm": "reground.tasks.models.timm_model", "torchvision": "reground.tasks.models.torchvision_model"}


def known() -> list[str]:
    """The names that `load` takes; NAME stands for whatever that library lists."""
    return [*LITE, *(f"{family}:NAME" for family in FAMILIES)]


def check(name: str) -> None:
    """Raises:
    UsageError: ``name`` is the name of no model; the message lists what is.
    """
    family, _, rest = name.partition(":")
    if name not in LITE and not (family in FAMILIES and rest):
        raise unknown("model", name, known())


@functools.lru_cache(maxsize=1)
def load(name: str, device: str = "auto") -> Model:
    """The model called ``name``, ready to predict. The last one is kept for the next call.

    Args:
        name: one of `known`, such as ``efficientnet-lite0``, ``timm:resnet50``,
            ``timm:local-dir:FOLDER``, ``torchvision:resnet50`` or ``torchvision:resnet50@IMAGENET1K_V1``.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.

    Raises:
        UsageError: an unknown name or device.
        RegroundError: a package, the weights or the GPU cannot be had; says how to get them.
    """
    check(name)
    module = "reground.tasks.models.efficientnet_lite" if name in LITE else FAMILIES[name.partition(":")[0]]
    return importlib.import_module(module).load(name, device)


def slug(name: str) -> str:
    """A model's name as a table's or a file's: ``timm:resnet50`` -> ``timm-resnet50``."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def named(slugged: str) -> str:
    """The name that `slug` made this of: ``timm-resnet50`` -> ``timm:resnet50``.

    Raises:
        UsageError: it may have been made of several (a folder's, a hub's).
    """
    family, _, rest = slugged.partition("-")
    if slugged in LITE:
        return slugged
    if family == "torchvision":  # whose architectures have no hyphen, which leaves it to the weights
        return f"{family}:{rest.replace('-', '@', 1)}"
    if family in FAMILIES and not rest.startswith(("hf-hub-", "local-dir-")):
        return f"{family}:{rest}"
    raise UsageError(
        f"expected to tell a model's name by predictions/{slugged}, which could have several: "
        "name it, --model NAME[,NAME...]."
    )
