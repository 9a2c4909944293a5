"""A salient-object network at work: image -> input -> output -> mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from reground.tasks.errors import RegroundError
from reground.tasks.images import Box
from reground.tasks.masks.sidecar import Sidecar, sidecar_path
from reground.tasks.masks.source import Mask, Pixels


class NoForegroundError(ValueError):
    """The network's output tells nothing of this image."""


@dataclass(frozen=True)
class OnnxNetwork:
    """A network ready to make masks; threads may share it.

    Attributes:
        session: onnxruntime's.
        sidecar: how it wants its image.
        path: of its file, for messages.
        height, width: of its input, pixels.
        dtype: of its input.
        output: name of the output that is the mask.
    """

    session: Any
    sidecar: Sidecar
    path: str
    height: int
    width: int
    dtype: type[np.floating[Any]]
    output: str

    def mask(self, pixels: Pixels, box: Box) -> Mask:
        """The foreground of an image.

        Args:
            pixels: ``(H, W, 3) uint8`` RGB.
            box: what the network looks at, if the sidecar gives it a margin.

        Returns:
            ``(H, W) bool``.

        Raises:
            NoForegroundError: the output is not finite, or the same everywhere though its range is to be stretched.
            RegroundError: the output is no mask; says what came and what to write in the sidecar.
        """
        window = _window(box, self.sidecar.margin, pixels.shape[0], pixels.shape[1])
        crop = pixels[window]
        values = self.session.run([self.output], {self.session.get_inputs()[0].name: self._input(crop)})[0]
        shares = _activate(self._map(values), self.sidecar.activation)
        if shares.min() < -0.001 or shares.max() > 1.001:
            raise self._output_error(
                f"an output from 0 to 1, got {shares.min():.3g} to {shares.max():.3g}",
                'activation = "sigmoid" (of logits) or "minmax"',
            )
        mask = np.zeros(pixels.shape[:2], np.bool_)
        size = crop.shape[1], crop.shape[0]
        mask[window] = (
            np.asarray(Image.fromarray(shares).resize(size, Image.Resampling.BILINEAR)) > self.sidecar.threshold
        )
        return mask

    def _input(self, crop: Pixels) -> npt.NDArray[Any]:
        size = self.width, self.height
        image = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BILINEAR), np.float32)
        if self.sidecar.channels == "bgr":
            image = image[..., ::-1]
        scale = {"unit": 255.0, "max": max(float(image.max()), 1.0), "byte": 1.0}[self.sidecar.scale]
        mean, std = np.array(self.sidecar.mean, np.float32), np.array(self.sidecar.std, np.float32)
        normal = (image / np.float32(scale) - mean) / std
        return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], self.dtype)

    def _map(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        shape = values.shape
        while values.ndim > 2 and values.shape[0] == 1:
            values = values[0]
        if values.ndim != 2 or min(values.shape) < 2:
            raise self._output_error(
                f"one map for an image from the output '{self.output}', [1, 1, height, width], got {list(shape)}",
                f"output = one of {', '.join(names(self.session.get_outputs()))}",
            )
        return values.astype(np.float32)

    def _output_error(self, expected: str, remedy: str) -> RegroundError:
        return RegroundError(f"{self.path}: expected {expected}: write in {sidecar_path(Path(self.path))}: {remedy}.")


def _window(box: Box, margin: float, height: int, width: int) -> tuple[slice, slice]:
    """The rows and columns that the network sees."""
    if margin < 0:
        return slice(0, height), slice(0, width)
    dx, dy = round(margin * (box.xmax - box.xmin)), round(margin * (box.ymax - box.ymin))
    return slice(max(0, box.ymin - dy), box.ymax + dy), slice(max(0, box.xmin - dx), box.xmax + dx)


def _activate(values: npt.NDArray[np.float32], activation: str) -> npt.NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise NoForegroundError("the network's output has values that are no numbers")
    if activation == "sigmoid":
        return (1 / (1 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32, copy=False)
    if activation == "minmax":
        low, high = values.min(), values.max()
        if low == high:
            raise NoForegroundError(f"the network's output is {low:.3g} everywhere")
        return (values - low) / (high - low)
    return values


def names(arguments: Sequence[Any]) -> list[str]:
    """Of a session's inputs or outputs."""
    return [node.name for node in arguments]
