"""Foregrounds on backgrounds, put together, preprocessed and classified where the network runs.

The pixels are those of a hard paste by mask (`reground.tasks.kernels.compose.paste`), made of bytes: no file and
no float image of a composite ever leaves the device.
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
"""Name -> what matrix products and convolutions are done in, None: as the weights are."""
PREFETCH: Final = {"cpu": 0, "cuda": 1}
"""Batches to hand in before the answer to one is asked for: a GPU computes while the next is chosen."""
SHARE: Final = 0.5
"""Of a GPU's free memory that backgrounds may take; where they need more they stay with the host."""


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
    """What the network says of N composites.

    Attributes:
        output: ``(N,) int64``, the most probable of its outputs; of equals the first.
        probability: ``(N,) float32`` of that output.
        margin: ``(N,) float32``, the best logit within the foreground's group minus the best elsewhere:
            above 0 the model is right. Infinite where no output lies within, or none elsewhere.
    """

    output: np.ndarray
    probability: np.ndarray
    margin: np.ndarray


class Compositor:
    """Backgrounds on the device, and the network that looks at what is pasted on them.

    Args:
        network: it.
        backgrounds: ``(B, S, S, 3) uint8``.
        group_of: ``(C,) int``, the group of each output, -1: none.
        batch: composites in a forward pass.
        precision: ``auto`` (bfloat16 on a GPU, float32 on a CPU) or one of `PRECISIONS`.

    Attributes:
        network: as given.
        batch: as given.
        prefetch: see `PREFETCH`.
        precision: one of `PRECISIONS`.
        compiled: whether `module` is.
        module: what does the forward passes.

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
        """Bring R foregrounds to the device.

        Args:
            pixels: ``(R, S, S, 3) uint8``.
            masks: ``(R, S, S) bool``, True is foreground; all True: a composite is the picture itself.
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
        """``(N, S, S, 3) uint8`` on the device, of N pairs of positions; of backgrounds where these lie."""
        behind = self._backgrounds.index_select(0, background).to(self.network.device, non_blocking=True)
        shown = behind.bitwise_and_(foregrounds.hole.index_select(0, foreground))
        return shown.bitwise_or_(foregrounds.cut.index_select(0, foreground))

    def inputs(self, foregrounds: Foregrounds, foreground: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
        """``(N, 3, S, S) float32`` on the device: the composites of N pairs, preprocessed."""
        return self._preprocess(self.composites(foregrounds, foreground, background))

    def submit(
        self, foregrounds: Foregrounds, foreground: np.ndarray, background: np.ndarray
    ) -> Callable[[], CompositeOutput]:
        """Hand in N pairs of positions; the answer is had by calling what comes back.

        Out of memory, it goes on with half as many at once.

        Raises:
            RegroundError: not even one fits; when called: the network gave something that is not a number.
        """
        count = len(foreground)
        # A compiled network is compiled once more for each other batch size.
        size = max(count, self.batch) if self.compiled else count
        f = _positions_on(foreground, size, self.network.device)
        b = _positions_on(background, size, self._backgrounds.device)
        parts = self.network.in_chunks(size, lambda part: self._pass(foregrounds, f[part], b[part]))
        fetch = _start_copy([torch.cat(column)[:count] for column in zip(*parts, strict=True)])

        def answer() -> CompositeOutput:
            output, probability, margin = fetch()
            return CompositeOutput(output, self.network.require_finite(probability), margin)

        return answer

    def recipe(self, plugin: str = "") -> str:
        """How its answers come about, JSON: as `Recipe`, and how many composites went in at once."""
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


def _positions_on(positions: np.ndarray, size: int, device: torch.device) -> torch.Tensor:
    """Positions on a device, filled up with zeros; a GPU is not waited for, which plain memory would mean."""
    filled = np.zeros(size, np.int64)
    filled[: len(positions)] = positions
    held = torch.from_numpy(filled)
    return held.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else held


def _start_copy(made: Sequence[torch.Tensor]) -> Callable[[], list[np.ndarray]]:
    """Copies to the host, under way at once: asked for later they would queue behind the batches handed in since."""
    if made[0].device.type != "cuda":
        return lambda: [tensor.numpy() for tensor in made]
    held = [torch.empty(of.shape, dtype=of.dtype, pin_memory=True).copy_(of, non_blocking=True) for of in made]
    done = torch.cuda.Event()
    done.record()

    def wait() -> list[np.ndarray]:
        done.synchronize()
        return [tensor.numpy() for tensor in held]

    return wait


def _to_device(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    held = torch.from_numpy(pixels)
    if device.type == "cuda" and pixels.nbytes <= SHARE * torch.cuda.mem_get_info()[0]:
        return held.to(device)
    return held


def _can_compile() -> bool:
    """Whether what `torch.compile` needs for a GPU is there: Triton, and a C compiler for its launchers."""
    compiler = os.environ.get("CC") or "gcc"
    return importlib.util.find_spec("triton") is not None and shutil.which(compiler) is not None
