"""A torch network as a `Model`: float32, channels last, on a CPU or a GPU."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import numpy as np
import torch

from reground.tasks.errors import RegroundError, unknown
from reground.tasks.images import DECODER
from reground.tasks.models.allocator import keep_memory
from reground.tasks.models.preprocessing import Preprocessing
from reground.tasks.models.protocol import Recipe

log = logging.getLogger(__name__)

T = TypeVar("T")


class Network:
    """Implements `reground.tasks.models.Model`; see there for the public attributes.

    Attributes:
        device: it runs on.
        module: the network itself.
        max_batch: largest batch that fits into memory, set after the first out-of-memory error; None: no limit yet.

    Args:
        name: of the model.
        module: ``(N, 3, S, S) float32`` -> logits ``(N, C) float32``.
        weights: what the publisher calls the weights.
        class_count: C.
        wnids: of the outputs, or empty.
        photograph: the publisher's preprocessing, as a string.
        square: the same without the crop.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        name: str,
        module: torch.nn.Module,
        weights: str,
        class_count: int,
        wnids: Sequence[str],
        photograph: str,
        square: str,
        device: str,
    ) -> None:
        self.name = name
        self.class_count = class_count
        self.wnids = tuple(wnids)
        self.photograph = Preprocessing(photograph)
        self.square = Preprocessing(square)
        self.device = choose_device(device)
        self.weights = weights
        self.weights_sha256 = weights_sha256(module)
        if self.device.type == "cpu":
            keep_memory()
        # On 2 CPU cores faster than the plain layout (benchmarks/predict.py).
        self.module = module.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.max_batch: int | None = None

    def recipe(self, preprocessing: Preprocessing) -> Recipe:
        """See `reground.tasks.models.Model.recipe`."""
        return Recipe(
            weights=self.weights,
            weights_sha256=self.weights_sha256,
            preprocessing=preprocessing.spec,
            decoder=DECODER,
            precision="float32",
            device=self.device.type,
            framework=f"torch {torch.__version__}",
        )

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """See `reground.tasks.models.Model.predict`. Out of memory, it goes on with half as many images at once."""
        made = self.in_chunks(len(batch), lambda part: self._forward(batch[part]))
        return self.require_finite(np.concatenate(made))

    def in_chunks(self, size: int, forward: Callable[[slice], T]) -> list[T]:
        """What ``forward`` makes of ``size`` images, asked for as many at once as memory has room for.

        Raises:
            RegroundError: there is none for a single one.
        """
        # Schedulers grant a worker one thread, and a sum split over other threads has other last bits.
        torch.set_num_threads(os.cpu_count() or 1)
        made: list[T] = []
        start = 0
        while start < size:
            count = _power_of_two(min(size - start, self.max_batch or size))
            try:
                with torch.inference_mode(), reproducible_convolutions():
                    made.append(forward(slice(start, start + count)))
                start += count
            except torch.OutOfMemoryError as error:
                self._halve(count, error)
        return made

    def require_finite(self, probability: np.ndarray) -> np.ndarray:
        """The probabilities as they came.

        Raises:
            RegroundError: one is not a number.
        """
        if not np.isfinite(probability).all():
            raise RegroundError(
                f"expected probabilities of '{self.name}', got something that is not a number: "
                f"its weights ({self.weights}) are damaged or belong to another network."
            )
        return probability

    def _forward(self, part: np.ndarray) -> np.ndarray:
        inputs = torch.from_numpy(part).to(self.device).contiguous(memory_format=torch.channels_last)
        return self.module(inputs).softmax(dim=1).cpu().numpy()

    def _halve(self, size: int, error: torch.OutOfMemoryError) -> None:
        if size == 1:
            raise RegroundError(
                f"not even one image of '{self.name}' fits into the memory of {self.device}: {error}. "
                "Free it, or set the device to cpu."
            ) from error
        self.max_batch = size // 2
        torch.cuda.empty_cache()
        log.warning("%s: out of memory with %d images at once; going on with %d", self.name, size, self.max_batch)


def reproducible_convolutions() -> AbstractContextManager[None]:
    """Convolutions on a GPU in the precision asked for, the same in every run: TF32 would be called float32."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _power_of_two(size: int) -> int:
    """The largest one up to ``size``: oneDNN keeps buffers for every batch size that it has ever seen,
    and shards come in all sizes (a process that had met twenty of them held twice the memory).
    """
    return 1 << (size.bit_length() - 1)


def choose_device(device: str) -> torch.device:
    """The device called ``device``.

    Raises:
        UsageError: no such name.
        RegroundError: ``cuda``, and torch sees no GPU.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise unknown("device", device, ("auto", "cpu", "cuda"))
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise RegroundError(
            "expected a GPU (device 'cuda'), and torch sees none: check `nvidia-smi`, or set the device to cpu."
        )
    return torch.device("cuda" if has_gpu and device != "cpu" else "cpu")


def gpu_name() -> str:
    """What the GPU calls itself; empty: torch sees none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def weights_sha256(module: torch.nn.Module) -> str:
    """SHA-256 of all parameters and buffers with their names, hexadecimal: whatever file they came from."""
    sha = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return sha.hexdigest()
