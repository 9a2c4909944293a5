"""Masks by a salient-object network in ONNX: U2-Net, IS-Net, BiRefNet, anything that takes an image
and gives a mask. The only import of onnxruntime.
"""

from __future__ import annotations

import functools
import glob
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import DropError, Photograph
from reground.tasks.masks.onnx_network import NoForegroundError, OnnxNetwork, names
from reground.tasks.masks.sidecar import Sidecar, read_sidecar, sidecar_path
from reground.tasks.masks.source import Decode, Mask, MaskMethod, ShardInputs, file_sha256
from reground.tasks.schema import DropReason
from reground.tasks.workspace import digest as store_digest

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
INPUT_TYPES: Final = {"tensor(float)": np.float32, "tensor(float16)": np.float16}

_load_lock = threading.Lock()


def onnx_method(location: str, device: str) -> MaskMethod:
    """Masks by the network in a file, with its sidecar beside it. Opens nothing yet.

    Args:
        location: path of the ONNX file.
        device: ``auto``, ``cpu`` or ``cuda``.
    """
    path = Path(location).absolute()

    def shard_inputs(ids: Sequence[str]) -> ShardInputs:
        return _network_inputs(str(path), _stamp(path))

    def check() -> None:
        _stamp(path)
        read_sidecar(path)

    def find(photograph: Photograph, pixels: Decode, seed: int, shard_inputs: Mapping[str, Any]) -> Mask:
        with _load_lock:
            network = _load(str(path), shard_inputs["network"], device)
        try:
            return network.mask(pixels(), photograph.box)
        except NoForegroundError as error:
            raise DropError(DropReason.MASK_FAILED, str(error)) from error

    return MaskMethod(f"onnx:{path.stem}", find, shard_inputs, check=check)


# Opening


@functools.lru_cache(maxsize=1)
def _network_inputs(path: str, stamp: Sequence[tuple[str, int, int]]) -> ShardInputs:
    """Digest of network and sidecar; both are read again only when they changed."""
    read_sidecar(Path(path))
    digest = store_digest(file_sha256(Path(path)), file_sha256(sidecar_path(Path(path))), repr(stamp[2:]))
    return ShardInputs((digest,), {"network": digest})


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of change of the network, its sidecar and the files its weights may lie in."""
    if not path.is_file():
        raise UsageError(f"expected an ONNX file at {path}, found none")
    external_data = sorted(file for file in path.parent.glob(f"{glob.escape(path.name)}?*") if file.is_file())
    states = [(file.name, file.stat()) for file in (path, sidecar_path(path), *external_data) if file.exists()]
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in states)


@functools.lru_cache(maxsize=1)
def _load(path: str, digest: str, device: str) -> OnnxNetwork:
    """The network of a file, once a process.

    Raises:
        RegroundError: no network, or none that takes one image and gives one mask.
    """
    sidecar = read_sidecar(Path(path))
    session = _session(path, device)
    inputs, outputs = session.get_inputs(), names(session.get_outputs())
    if len(inputs) != 1:
        listing = ", ".join(f"{node.name} {node.shape}" for node in inputs)
        raise RegroundError(
            f"{path}: expected one input, an image, found {len(inputs)} ({listing}): it cannot be used."
        )
    if inputs[0].type not in INPUT_TYPES:
        raise _input_error(path, f"of {' or '.join(INPUT_TYPES)}", inputs[0].type)
    if sidecar.output and sidecar.output not in outputs:
        raise unknown(f"output in {sidecar_path(Path(path))}", sidecar.output, outputs)
    height, width = _input_size(path, list(inputs[0].shape), sidecar)
    return OnnxNetwork(session, sidecar, path, height, width, INPUT_TYPES[inputs[0].type], sidecar.output or outputs[0])


def _input_size(path: str, shape: list[Any], sidecar: Sidecar) -> tuple[int, int]:
    """Height and width in pixels. Of a shape, what is free to vary is a name or None."""
    fixed_shape = [edge if isinstance(edge, int) else None for edge in shape]
    if len(fixed_shape) != 4 or fixed_shape[0] not in (None, 1) or fixed_shape[1] not in (None, 3):
        raise _input_error(path, "[1, 3, height, width], one RGB image, channels first", shape)
    height, width = (edge or sidecar.size for edge in fixed_shape[2:])
    if not (height and width):
        problem = f"{sidecar_path(Path(path))}: expected the size of the image, which the network leaves free ({shape})"
        raise UsageError(f"{problem}: write size = 320, or what it was trained with")
    if sidecar.size and (height, width) != (sidecar.size, sidecar.size):
        fixed_size = f"the network takes {width} x {height} alone"
        raise UsageError(f"{sidecar_path(Path(path))}: size = {sidecar.size}, but {fixed_size}: leave size out")
    return height, width


def _input_error(path: str, expected: str, actual: object) -> RegroundError:
    return RegroundError(f"{path}: expected an input {expected}, found {actual}: export the network again like that.")


def _session(path: str, device: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise RegroundError(
            "onnx:FILE needs the package onnxruntime: pip install 'reground[onnx]', or onnxruntime-gpu for a GPU."
        ) from error
    options = onnxruntime.SessionOptions()
    # Shards already keep every core busy; and sums of one thread are the same every time.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # what is wrong is raised, and said once
    providers = _providers(device, onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # its exceptions share no class
        message = str(error).splitlines()[0][:300]
        raise RegroundError(
            f"expected a network in ONNX at {path}, but onnxruntime cannot load it: {message}"
        ) from error


def _providers(device: str, available: Sequence[str]) -> list[str]:
    """The GPU first, where it is wanted; the CPU does what the GPU cannot."""
    use_gpu = device == "cuda" or (device == "auto" and PROVIDERS["cuda"] in available)
    if use_gpu and PROVIDERS["cuda"] not in available:
        raise UsageError(
            f"masks.device = 'cuda' needs onnxruntime with {PROVIDERS['cuda']}, found {', '.join(available)}: "
            "install onnxruntime-gpu, or give masks.device = 'cpu'"
        )
    return [PROVIDERS["cuda"], PROVIDERS["cpu"]] if use_gpu else [PROVIDERS["cpu"]]
