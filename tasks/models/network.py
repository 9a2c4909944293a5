"""A torch network as a `Model`: float32, channels last, on a CPU or a GPU."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, TypeVar

import numpy as np
import torch

from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, unknown
from reground.tasks.images import DECODER
from reground.tasks.models.allocator import keep_memory
from reground.tasks.models.features import FeatureTap, last_layer
from reground.tasks.models.preprocessing import Preprocessing
from reground.tasks.models.protocol import Recipe

log = logging.getLogger(__name__)

T = TypeVar("T")

PASS: Final = 2
"""Images in a forward pass on a CPU: larger passes are no faster, and fewer of them run at once."""


class Network:
    """Implements `reground.tasks.models.Model`; see there for the public attributes.

    Attributes:
        device: it runs on.
        module: the network itself.
        max_batch: largest batch that fits into memory, set by the first out-of-memory error; None before it.
        pass_size: images in a pass with one thread; None: a pass takes the whole device.

    Args:
        name: of the model.
        module: ``(N, 3, S, S) float32`` -> logits ``(N, C) float32``.
        weights: what the publisher calls the weights.
        class_count: C.
        wnids: of the outputs, or empty.
        photograph: the publisher's preprocessing, as a string.
        square: the same without the crop.
        device: ``auto``, ``cpu`` or ``cuda``.
        classifier: name of the layer within the module that reads the features; empty: its last layer.
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
        classifier: str = "",
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
        self.tap = FeatureTap(self.module, classifier or last_layer(module))
        self.max_batch: int | None = None
        self.pass_size = PASS if self.device.type == "cpu" else None

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
            processor=processor() if self.device.type == "cpu" else "",
        )

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """See `reground.tasks.models.Model.predict`. After an out-of-memory error the batch size is halved."""
        probability = self.in_chunks(len(batch), lambda part: self._forward(batch[part]))
        return self.require_finite(np.concatenate(probability))

    def predict_with_features(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `reground.tasks.models.FeatureModel.predict_with_features`; probabilities are those of `predict`."""

        def forward(part: slice) -> tuple[np.ndarray, np.ndarray]:
            return self._forward(batch[part]), self.tap.take().float().cpu().numpy()

        with self.tap.attached():
            chunks = self.in_chunks(len(batch), forward)
        probability, features = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
        return self.require_finite(probability), features

    def in_chunks(self, size: int, forward: Callable[[slice], T]) -> list[T]:
        """Run ``forward`` on ``size`` images, in chunks that fit into memory.

        Passes with one thread each run as many at once as there are cores: the number of threads in a pass would
        change the last bits, and threads of a pass wait for each other.

        Args:
            size: number of images.
            forward: called with the slice of each chunk.

        Returns:
            The output of each chunk, in order.

        Raises:
            RegroundError: not even one image fits into memory.
        """
        if self.pass_size:
            return self._in_passes(size, self.pass_size, forward)
        outputs: list[T] = []
        start = 0
        while start < size:
            count = _power_of_two(min(size - start, self.max_batch or size))
            try:
                with torch.inference_mode(), reproducible_convolutions():
                    outputs.append(forward(slice(start, start + count)))
                start += count
            except torch.OutOfMemoryError as error:
                self._halve(count, error)
        return outputs

    def require_finite(self, probability: np.ndarray) -> np.ndarray:
        """Return the probabilities unchanged.

        Raises:
            RegroundError: one of them is NaN or infinite.
        """
        if not np.isfinite(probability).all():
            raise RegroundError(
                f"expected probabilities of '{self.name}', got NaN or infinity: "
                f"its weights ({self.weights}) are damaged or belong to another network."
            )
        return probability

    def _forward(self, part: np.ndarray) -> np.ndarray:
        inputs = torch.from_numpy(part).to(self.device).contiguous(memory_format=torch.channels_last)
        return self.module(inputs).softmax(dim=1).cpu().numpy()

    def _in_passes(self, size: int, pass_size: int, forward: Callable[[slice], T]) -> list[T]:
        def run(start: int) -> T:
            with torch.inference_mode():
                return forward(slice(start, min(start + pass_size, size)))

        try:
            return list(_threads().map(run, range(0, size, pass_size)))
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise self._does_not_fit(pass_size, error) from error
        except RuntimeError as error:  # of torch's allocator on a CPU
            if "memory" not in str(error):
                raise
            raise self._does_not_fit(pass_size, error) from error

    def _does_not_fit(self, images: int, error: Exception) -> RegroundError:
        number = "not even one image" if images == 1 else f"not even {images} images"
        way_out = "Free it" if self.device.type == "cpu" else "Free it, or set the device to cpu"
        return RegroundError(
            f"{number} of '{self.name}' fit{'s' if images == 1 else ''} into the memory of {self.device}: {error}. "
            f"{way_out}."
        )

    def _halve(self, size: int, error: torch.OutOfMemoryError) -> None:
        if size == 1:
            raise self._does_not_fit(1, error) from error
        self.max_batch = size // 2
        torch.cuda.empty_cache()
        log.warning("%s: out of memory with %d images at once; going on with %d", self.name, size, self.max_batch)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), "forward pass", initializer=torch.set_num_threads, initargs=(1,))


def reproducible_convolutions() -> AbstractContextManager[None]:
    """Deterministic cuDNN convolutions without TF32, which has less precision than the float32 of the recipe."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _power_of_two(size: int) -> int:
    """The largest power of two up to ``size``.

    oneDNN keeps buffers for every batch size it has run; with twenty batch sizes a process used twice the memory.
    """
    return 1 << (size.bit_length() - 1)


def choose_device(device: str) -> torch.device:
    """The device called ``device``.

    Raises:
        UsageError: no such name.
        RegroundError: ``cuda`` without a GPU.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise unknown("device", device, ("auto", "cpu", "cuda"))
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise RegroundError(
            "expected a GPU (device 'cuda'), and torch finds none: check `nvidia-smi`, or set the device to cpu."
        )
    return torch.device("cuda" if has_gpu and device != "cpu" else "cpu")


def processor() -> str:
    """What the last bits on a CPU depend on: the instructions torch uses, and the images of a pass."""
    return f"{torch.backends.cpu.get_cpu_capability()}, {PASS} images a pass"


def gpu_name() -> str:
    """Name of the GPU; empty where torch finds none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def weights_sha256(module: torch.nn.Module) -> str:
    """SHA-256 (hexadecimal) of all parameters and buffers with their names; independent of the file format."""
    sha = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return sha.hexdigest()
