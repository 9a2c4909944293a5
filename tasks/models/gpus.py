"""The GPUs that a worker on a cluster takes, model by model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from reground.tasks.errors import UsageError, unknown

EVERY: Final = ""
"""The key of what holds for every model."""
LEAST: Final = 0.0001
"""The smallest fraction of a GPU that Ray counts."""


def gpus_of(texts: Sequence[str], model: str) -> float | None:
    """What one worker with a model takes; None: nothing is set.

    Args:
        texts: ``NUMBER`` for every model, ``MODEL=NUMBER`` for one, which goes first.
        model: its name.

    Raises:
        UsageError: a text is malformed.

    Examples:
        >>> gpus_of(["0.5", "timm:vit_large=1"], "timm:vit_large")
        1.0
        >>> gpus_of(["0.5", "timm:vit_large=1"], "timm:resnet50")
        0.5
    """
    numbers = dict(map(_parse, texts))
    return numbers.get(model, numbers.get(EVERY))


def gpu_problems(texts: Sequence[str], names: Sequence[str], device: str) -> Iterator[str]:
    """What is wrong with the setting ``num_gpus`` of a step.

    Args:
        texts: the setting.
        names: models of the step; empty: not known yet.
        device: ``auto``, ``cpu`` or ``cuda``.
    """
    for text in texts:
        try:
            model, number = _parse(text)
        except UsageError as error:
            yield str(error)
            continue
        if names and model not in (EVERY, *names):
            yield str(unknown("model", model, names))
        if device == "cuda" and number == 0:
            yield f"expected a GPU for the device cuda, got '{text}': take the device cpu or auto"
        if device == "cpu" and number > 0:
            yield f"expected no GPU for the device cpu, got '{text}': take the device cuda or auto"


def _parse(text: str) -> tuple[str, float]:
    model, _, number = text.rpartition("=")
    try:
        gpus = float(number)
    except ValueError:
        gpus = math.nan
    if not (gpus == 0 or LEAST <= gpus <= 1 or (gpus > 1 and gpus.is_integer())):
        raise UsageError(
            f"expected NUMBER or MODEL=NUMBER, where the number is 0, a fraction of 1 or a whole number, got '{text}'"
        )
    return model.strip(), gpus
