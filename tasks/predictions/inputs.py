"""Inputs of a model, batch by batch: pictures are decoded and preprocessed on all cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from reground.tasks.cores import cores
from reground.tasks.images import DropError, ImageError, decode_rgb, load_rgb
from reground.tasks.memory import is_out_of_memory
from reground.tasks.schema import DropReason


def photograph_pixels(row: Mapping[str, Any]) -> np.ndarray:
    """Pixels of a row of ``images``, ``(H, W, 3) uint8``; the file must be the one that was indexed."""
    return load_rgb(row["uri"], row["sha256"])


def variant_pixels(row: Mapping[str, Any]) -> np.ndarray:
    """Pixels of a row of ``variants/NAME``, ``(S, S, 3) uint8``."""
    return decode_rgb(row["image"]["bytes"])


def reader(
    pixels: Callable[[Any], np.ndarray], preprocessing: Callable[[np.ndarray], np.ndarray]
) -> Callable[[Any], np.ndarray | DropError]:
    """A function that makes a model's input of a picture, or says why it cannot: that costs the one row."""

    def read(source: Mapping[str, Any]) -> np.ndarray | DropError:
        name = source["uri"] if "uri" in source else source["image"]["path"]
        try:
            return preprocessing(pixels(source))
        except ImageError as error:
            detail = error.detail if name in error.detail else f"{name}, resized: {error.detail}"
            return DropError(error.reason, detail)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return DropError(DropReason.TOO_LARGE, f"{name} does not fit into the memory of this machine, resized")

    return read


def batches(
    sources: Sequence[Any], read: Callable[[Any], np.ndarray | DropError], size: int, prefetch: int
) -> Iterator[list[np.ndarray | DropError]]:
    """Batches of inputs in order, each ``(3, S, S) float32``; read on all cores, ``prefetch`` batches in advance."""
    with ThreadPoolExecutor(cores()) as pool:
        queue: deque[list[Future[np.ndarray | DropError]]] = deque()
        for start in range(0, len(sources), size):
            queue.append([pool.submit(read, source) for source in sources[start : start + size]])
            if len(queue) > prefetch:
                yield [future.result() for future in queue.popleft()]
        while queue:
            yield [future.result() for future in queue.popleft()]
