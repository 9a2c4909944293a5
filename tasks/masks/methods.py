"""Mask methods by name: built in, or of a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from annotated_types import Interval

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import Box
from reground.tasks.masks.source import Mask, MaskMethod, box_method, check_method, from_plugin
from reground.tasks.plugins import Registry
from reground.tasks.storage import is_url
from reground.tasks.workspace import Device, Fault, Location, NonNegativeInt, PositiveInt, Share, refused

PUBLISHED_ITERATIONS: Final = 5
"""Of GrabCut: with so many, and no other number, the method is called ``grabcut``."""


@dataclass(frozen=True)
class MaskSettings:
    """How a mask is made.

    Attributes:
        method: ``grabcut`` (Xiao et al. 2020), ``consensus`` (see `reground.tasks.kernels.consensus`),
            ``supplied:DIR`` (PNG files or COCO's JSON, or the URL of either), ``onnx:FILE``
            (a salient-object network with its sidecar) or the name of a plugin.
        iterations: iterations of GrabCut.
        seed: seed of a random initialization; combined with each image_id.
        min_area: smallest foreground as a share of the box, below which a mask is rejected;
            supplied masks may be smaller.
        min_quality: masks of a lower quality are quarantined. The default takes about one in
            twenty of GrabCut's.
        foreground_value: grey value or palette index of the foreground in supplied PNG files; -1: what the values
            say by themselves.
        device: device of a network: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    """

    method: Annotated[str, Location(prefixed=True, remote=True)] = "grabcut"
    iterations: PositiveInt = PUBLISHED_ITERATIONS
    seed: NonNegativeInt = 0
    min_area: Share = 0.1
    min_quality: Share = 0.3
    foreground_value: Annotated[int, Interval(ge=-1, le=65535)] = -1
    device: Device = "auto"


def faults(settings: MaskSettings) -> Iterator[Fault]:
    """What is wrong before any image is read."""
    yield from refused("method", lambda: open_method(settings).check())


def open_method(settings: MaskSettings) -> MaskMethod:
    """The source that ``settings.method`` names; opens no file.

    Raises:
        UsageError: no such method, or the part after its colon is missing or too much.
        RegroundError: the plugin of that name cannot be imported.
    """
    name, _, location = settings.method.partition(":")
    for usage, make in METHODS.items():
        prefix, _, argument = usage.partition(":")
        if (name, bool(location)) == (prefix, bool(argument)):
            return make(settings, location)
    plugin = REGISTRY.find(settings.method)
    return from_plugin(plugin, REGISTRY.load(plugin))


def _consensus(_: MaskSettings, __: str) -> MaskMethod:
    def kernel(pixels: np.ndarray, box: Box, seed: int) -> Mask:
        from reground.tasks.kernels.consensus import consensus

        return consensus(pixels, box)

    return box_method("consensus", kernel, uses_seed=False)


def _grabcut(settings: MaskSettings, _: str) -> MaskMethod:
    def kernel(pixels: np.ndarray, box: Box, seed: int) -> Mask:
        from reground.tasks.kernels.grabcut import grabcut

        return grabcut(pixels, box, settings.iterations, seed)

    is_default = settings.iterations == PUBLISHED_ITERATIONS
    return box_method("grabcut" if is_default else f"grabcut:{settings.iterations}", kernel)


def _supplied(settings: MaskSettings, location: str) -> MaskMethod:
    from reground.tasks.masks.supplied import supplied

    return supplied(location, settings.foreground_value)


def _onnx(settings: MaskSettings, location: str) -> MaskMethod:
    from reground.tasks.masks.onnx import onnx_method

    if is_url(location):
        raise UsageError(f"expected an ONNX file of this machine, got {location}: download it, and its sidecar, first")
    return onnx_method(location, settings.device)


METHODS: Final[dict[str, Callable[[MaskSettings, str], MaskMethod]]] = {
    "consensus": _consensus,
    "grabcut": _grabcut,
    "supplied:DIR": _supplied,
    "onnx:FILE": _onnx,
}
"""What ``masks.method`` may be; what stands after a colon is the second argument."""

REGISTRY: Final = Registry("reground.masks", "mask method", METHODS, check_method)
"""Further methods, of plugins."""


def planned_method(settings: MaskSettings, origin: str) -> MaskMethod:
    """The source that a shard was planned with, wherever the shard is made.

    Args:
        settings: of the step.
        origin: of the plugin, as planned; empty: a built-in method.

    Raises:
        RegroundError: this process or machine lacks the plugin, or has another version of it.
    """
    remedy = f"Install {origin} wherever masks are made; what only a session has registered needs the runner threads."
    try:
        method = open_method(settings)
    except RegroundError as error:
        if not origin:
            raise
        raise RegroundError(f"{error}. {remedy}") from error
    if method.origin != origin:
        raise RegroundError(
            f"expected masks.method '{settings.method}' of {origin}, as planned, got that of {method.origin}. {remedy}"
        )
    return method
