"""Composites of foregrounds and backgrounds, pasted, preprocessed and classified on the device of the network.

The pixels equal those of a hard paste by mask (`reground.tasks.kernels.compose.paste`), computed on bytes: no
composite is written to a file or leaves the device.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch

from reground.tasks.errors import unknown
from reground.tasks.models.network import Network
from reground.tasks.models.on_device import preprocessing_on

PRECISIONS: Final = {"float32": None, "bfloat16": torch.bfloat16}
"""Name -> dtype of matrix products and convolutions; None: that of the weights."""
PREFETCH: Final = {"cpu": 0, "cuda": 1}
"""Batches submitted ahead of the one whose result is read: a GPU computes while the next is selected."""
SHARE: Final = 0.5
"""Share of a GPU's free memory that backgrounds may take; larger sets stay in host memory."""


class Foregrounds(NamedTuple):
    """R foregrounds on the device.

    Attributes:
        cut: ``(R, S, S, 3) uint8``, black outside the mask.
        hole: ``(R, S, S, 3) uint8``, 255 outside the mask, where the background shows; 0 inside.
        group: ``(R,) int64``.
    """

    cut: torch.Tensor
    hole: torch.Tensor
    group: torch.Tensor


class CompositeOutput(NamedTuple):
    """Predictions for N composites.

    Attributes:
        output: ``(N,) int64``, index of the most probable output; the first of equals.
        probability: ``(N,) float32`` of that output.
        margin: ``(N,) float32``, the best logit within the foreground's group minus the best elsewhere:
            above 0 the model is right. Infinite where no output lies within, or none elsewhere.
    """

    output: np.ndarray
    probability: np.ndarray
    margin: np.ndarray


class Compositor:
    """Backgrounds on the device, and the network that classifies composites on them.

    Args:
        network: the classifier.
        backgrounds: ``(B, S, S, 3) uint8``.
        group_of: ``(C,) int``, group of each output; -1: none.
        batch: composites tried at once.
        precision: ``auto`` (bfloat16 on a GPU, float32 on a CPU) or one of `PRECISIONS`.

    Attributes:
        network: as given.
        batch: as given.
        prefetch: see `PREFETCH`.
        precision: one of `PRECISIONS`.
        compiled: whether `module` is compiled.
        module: runs the forward passes.

    Raises:
        UsageError: no such precision.
    """

    def __init__(
        self,
        network: Network,
        backgrounds: np.ndarray,
        group_of: np.ndarray,
        batch: int,
        precision: str = "auto",
    ) -> None:
        if precision not in ("auto", *PRECISIONS):
            raise unknown("precision", precision, ("auto", *PRECISIONS))
        self.network, self.batch = network, batch
        self.prefetch = PREFETCH[network.device.type]
        automatic = "bfloat16" if network.device.type == "cuda" else "float32"
        self.precision = automatic if precision == "auto" else precision
        self._group_of = torch.from_numpy(group_of.astype(np.int64)).to(network.device)
        self._backgrounds = _to_device(backgrounds, network.device)
        side = backgrounds.shape[1]
        self._preprocess, self._resized = preprocessing_on(network.device, network.square.spec, side)
        self.compiled = network.device.type == "cuda" and _can_compile()
        self.module: Callable[[torch.Tensor], torch.Tensor] = (
            torch.compile(network.module, dynamic=False) if self.compiled else network.module
        )

    def stage(self, pixels: np.ndarray, masks: np.ndarray, groups: np.ndarray) -> Foregrounds:
        """Move R foregrounds to the device.

        Args:
            pixels: ``(R, S, S, 3) uint8``.
            masks: ``(R, S, S) bool``, True is foreground; all True: a composite equals the picture.
            groups: ``(R,) int``.
        """
        device = self.network.device
        inside = torch.from_numpy(masks).to(device)[..., None].expand(*masks.shape, 3).contiguous()
        hole = (~inside).to(torch.uint8).mul_(255)
        return Foregrounds(
            torch.from_numpy(pixels).to(device).bitwise_and(~hole),
            hole,
            torch.from_numpy(groups.astype(np.int64)).to(device),
        )

    def composites(self, foregrounds: Foregrounds, foreground: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
        """``(N, S, S, 3) uint8`` on the device: composites of N pairs; each index lies on the device of its array."""
        behind = self._backgrounds.index_select(0, background).to(self.network.device, non_blocking=True)
        visible = behind.bitwise_and_(foregrounds.hole.index_select(0, foreground))
        return visible.bitwise_or_(foregrounds.cut.index_select(0, foreground))

    def inputs(self, foregrounds: Foregrounds, foreground: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
        """``(N, 3, S, S) float32`` on the device: the composites of N pairs, preprocessed."""
        return self._preprocess(self.composites(foregrounds, foreground, background))

    def submit(
        self, foregrounds: Foregrounds, foreground: np.ndarray, background: np.ndarray
    ) -> Callable[[], CompositeOutput]:
        """Start the forward pass of N pairs of indices.

        After an out-of-memory error the batch size is halved.

        Returns:
            A function that waits for the result.

        Raises:
            RegroundError: not even one composite fits into memory; from the function: the network returned NaN or
                infinity.
        """
        count = len(foreground)
        # A compiled network is compiled again for each new batch size.
        size = max(count, self.batch) if self.compiled else count
        f = _indices_on(foreground, size, self.network.device)
        b = _indices_on(background, size, self._backgrounds.device)
        parts = self.network.in_chunks(size, lambda part: self._pass(foregrounds, f[part], b[part]))
        fetch = _start_copy([torch.cat(column)[:count] for column in zip(*parts, strict=True)])

        def answer() -> CompositeOutput:
            output, probability, margin = fetch()
            return CompositeOutput(output, self.network.require_finite(probability), margin)

        return answer

    def recipe(self, plugin: str = "") -> str:
        """JSON of the `Recipe` and of the number of composites tried at once (``at_once``)."""
        spec = self.network.square.spec
        if self._resized:
            spec = spec.replace("|resize", f"|[{self._resized}] resize")
        recipe = dataclasses.replace(
            self.network.recipe(self.network.square),
            preprocessing=spec.replace("decode|", "decode|paste|", 1),
            precision=self.precision,
            framework=f"torch {torch.__version__}{', compiled' if self.compiled else ''}",
            plugin=plugin,
        )
        at_once = min(self.batch, self.network.max_batch or self.batch)
        return json.dumps({**recipe.to_dict(), "at_once": at_once}, sort_keys=True)

    def _pass(
        self, foregrounds: Foregrounds, foreground: torch.Tensor, background: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inputs = self.inputs(foregrounds, foreground, background)
        dtype = PRECISIONS[self.precision]
        with torch.autocast(self.network.device.type, dtype, enabled=dtype is not None):
            logits = self.module(inputs).float()
        probability, output = logits.softmax(dim=1).max(dim=1)
        own = self._group_of[None] == foregrounds.group.index_select(0, foreground)[:, None]
        inside, outside = (logits.masked_fill(other, -torch.inf).amax(dim=1) for other in (~own, own))
        return output, probability, inside - outside


def _indices_on(indices: np.ndarray, size: int, device: torch.device) -> torch.Tensor:
    """Indices on a device, padded with zeros; pinned memory makes the copy to a GPU asynchronous."""
    padded = np.zeros(size, np.int64)
    padded[: len(indices)] = indices
    tensor = torch.from_numpy(padded)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def _start_copy(tensors: Sequence[torch.Tensor]) -> Callable[[], list[np.ndarray]]:
    """Start the copies to the host now: started later they would queue behind the batches submitted since."""
    if tensors[0].device.type != "cuda":
        return lambda: [tensor.numpy() for tensor in tensors]
    copies = [torch.empty(t.shape, dtype=t.dtype, pin_memory=True).copy_(t, non_blocking=True) for t in tensors]
    event = torch.cuda.Event()
    event.record()

    def wait() -> list[np.ndarray]:
        event.synchronize()
        return [tensor.numpy() for tensor in copies]

    return wait


def _to_device(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(pixels)
    if device.type == "cuda" and pixels.nbytes <= SHARE * torch.cuda.mem_get_info()[0]:
        return tensor.to(device)
    return tensor


def _can_compile() -> bool:
    """Whether `torch.compile` can target a GPU: it needs Triton, and a C compiler for its launchers."""
    compiler = os.environ.get("CC") or "gcc"
    return importlib.util.find_spec("triton") is not None and shutil.which(compiler) is not None
