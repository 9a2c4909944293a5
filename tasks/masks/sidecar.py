"""What a salient-object network wants its image like, from a small TOML file beside it.

``u2net.onnx`` has its sidecar in ``u2net.toml``; docs/masks.md has one for each well-known network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError
from reground.tasks.files import MAX_TOML_BYTES, parse_toml, preview, read_bytes

SCALES: Final = ("unit", "max", "byte")
CHANNELS: Final = ("rgb", "bgr")
ACTIVATIONS: Final = ("none", "sigmoid", "minmax")
EXAMPLE: Final = """\
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
size = 320"""


@dataclass(frozen=True)
class Sidecar:
    """How an image becomes a network's input, and its output a mask.

    Attributes:
        mean, std: of each channel, in the order of ``channels``: input = (value - mean) / std.
        size: side in pixels of the square input; 0: the network's own, which must be fixed.
        scale: of the values before that: ``unit`` (0 to 1), ``max`` (0 to 1, the image's brightest
            value being 1) or ``byte`` (0 to 255).
        channels: their order, ``rgb`` or ``bgr``.
        output: name of the output that is the mask; empty: the first.
        activation: that makes 0 to 1 of the output: ``none``, ``sigmoid`` or ``minmax`` (of the
            image's own least and greatest value).
        threshold: foreground is what is above it, 0 to 1.
        margin: the network sees the box and this share of the box's sides around it; negative: the
            whole image, box or not.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int = 0
    scale: str = "unit"
    channels: str = "rgb"
    output: str = ""
    activation: str = "none"
    threshold: float = 0.5
    margin: float = -1.0


def sidecar_path(network: Path) -> Path:
    """Where the sidecar of a network lies."""
    return network.with_suffix(".toml")


def read_sidecar(network: Path) -> Sidecar:
    """The sidecar of a network.

    Raises:
        UsageError: there is none, or it is malformed; says what to write.
    """
    path = sidecar_path(network)
    try:
        content = read_bytes(path, MAX_TOML_BYTES)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"expected the preprocessing of {network} in {path}: {error}. "
            f"Write it; for U2-Net its least is\n{EXAMPLE}\n(docs/masks.md has more)"
        ) from error
    try:
        return parse_sidecar(content)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def parse_sidecar(content: bytes) -> Sidecar:
    """A sidecar's bytes, checked.

    Raises:
        ValueError: no TOML, a key unknown or missing, or a value that cannot be; says what could.
    """
    values = parse_toml(content)
    unknown_keys = values.keys() - CHECKS.keys()
    if unknown_keys:
        raise ValueError(f"unknown {', '.join(sorted(unknown_keys))}: expected some of {', '.join(CHECKS)}")
    missing_keys = [
        field.name for field in dataclasses.fields(Sidecar) if _required(field) and field.name not in values
    ]
    if missing_keys:
        raise ValueError(f"expected {' and '.join(missing_keys)}, which it does not have")
    for name, value in values.items():
        expected, is_valid = CHECKS[name]
        if not is_valid(value):
            raise ValueError(f"expected {name} to be {expected}, found {preview(value)}")
    return Sidecar(**{name: _to_field(value) for name, value in values.items()})


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING


def _to_field(value: Any) -> Any:
    return tuple(map(float, value)) if isinstance(value, list) else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _is_triple(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))


def _one_of(names: tuple[str, ...]) -> tuple[str, Callable[[Any], bool]]:
    return " or ".join(f'"{name}"' for name in names), lambda value: value in names


CHECKS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "mean": ("three numbers", _is_triple),
    "std": ("three numbers, none of them 0", lambda value: _is_triple(value) and 0 not in value),
    "size": ("a number of pixels from 1 up", lambda value: type(value) is int and 1 <= value <= 8192),
    "scale": _one_of(SCALES),
    "channels": _one_of(CHANNELS),
    "output": ("the name of an output", lambda value: isinstance(value, str) and value != ""),
    "activation": _one_of(ACTIVATIONS),
    "threshold": ("a number between 0 and 1", lambda value: _is_number(value) and 0 < value < 1),
    "margin": ("a share from 0 up", lambda value: _is_number(value) and value >= 0),
}
"""Of each key: what it may be, in words, and whether a value is."""
