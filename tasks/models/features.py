"""Features of a network: what its last layer reads, pooled over places.

For a network that ends in global pooling and one linear layer they are the penultimate layer: weight and bias of the
last layer turn them into the logits.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch

from reground.tasks.errors import RegroundError


class FeatureTap:
    """Keeps what one layer reads, for the thread whose forward pass it was.

    Args:
        module: the network.
        layer: name of its last layer within it, as in ``named_modules``; empty: it has none.

    Attributes:
        layer: the last layer; None: there is none.
    """

    def __init__(self, module: torch.nn.Module, layer: str) -> None:
        self.layer = module.get_submodule(layer) if layer else None
        self._local = threading.local()

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Keep what the layer reads; without it a pass is what it would be without a tap.

        Raises:
            RegroundError: the network has no such layer.
        """
        if self.layer is None:
            raise RegroundError("expected a network that ends in a linear layer or a convolution, found neither in it.")
        handle = self.layer.register_forward_pre_hook(self._keep)
        try:
            yield
        finally:
            handle.remove()

    def take(self) -> torch.Tensor:
        """Features of the last forward pass of this thread, ``(N, D)``.

        Raises:
            RegroundError: the layer was not part of the pass.
        """
        values = self._local.__dict__.pop("values", None)
        if values is None:
            raise RegroundError(f"expected a forward pass through {type(self.layer).__name__}, it was not called.")
        return values.mean(dim=(2, 3)) if values.dim() == 4 else values.flatten(1)

    def _keep(self, layer: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        self._local.values = arguments[0]


def last_layer(module: torch.nn.Module) -> str:
    """Name of the last layer with weights that is linear or a convolution; empty: there is none."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    return next((name for name, layer in reversed([*module.named_modules()]) if isinstance(layer, kinds)), "")
