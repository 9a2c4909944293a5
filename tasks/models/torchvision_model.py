"""Any classifier of torchvision: ``torchvision:NAME`` or ``torchvision:NAME@WEIGHTS``.

Preprocessing is the transform that belongs to the weights. Weights are cached in ``TORCH_HOME/hub/checkpoints``.
"""

from __future__ import annotations

import pickle
from typing import Any

import torch
import torchvision

from reground.tasks.errors import RegroundError, unknown
from reground.tasks.images import load_classes
from reground.tasks.models.network import Network
from reground.tasks.models.preprocessing import normalize, spec


def load(name: str, device: str) -> Network:
    """The network of that name, see `reground.tasks.models.load`."""
    architecture, _, tag = name.partition(":")[2].partition("@")
    weights = _choose(architecture, tag)
    photograph, square = transforms(weights.transforms())
    classes = len(weights.meta["categories"])
    return Network(
        name,
        _fetch(name, architecture, weights),
        weights=f"torchvision/{weights}",
        class_count=classes,
        # torchvision gives names only; its 1,000 classes are ImageNet's, sorted by WordNet id.
        wnids=[row["wnids"][0] for row in load_classes()] if classes == 1000 else (),
        photograph=photograph,
        square=square,
        device=device,
    )


def transforms(preset: Any) -> tuple[str, str]:
    """The preprocessing of a photograph and of a square image, from torchvision's preset."""
    (short,), (side,), interpolation = preset.resize_size, preset.crop_size, preset.interpolation.value
    pixels = ("value_range(0, 1)", normalize(preset.mean, preset.std))
    photograph = spec("decode", f"resize_short({short}, {interpolation})", f"center_crop({side})", *pixels)
    return photograph, spec("decode", f"resize({side}, {interpolation})", *pixels)


def _choose(architecture: str, tag: str) -> Any:
    names = torchvision.models.list_models(module=torchvision.models)
    if architecture not in names:
        raise unknown("torchvision model", architecture, names)
    choices = torchvision.models.get_model_weights(architecture)
    if tag and tag not in choices.__members__:
        raise unknown(f"weights of {architecture}", tag, choices.__members__)
    return choices[tag] if tag else choices.DEFAULT  # type: ignore[attr-defined]


def _fetch(name: str, architecture: str, weights: Any) -> torch.nn.Module:
    try:
        # get_model unpickles without weights_only: only a file that passes weights_only gets there.
        weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        return torchvision.models.get_model(architecture, weights=weights, progress=False)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise RegroundError(
            f"expected the weights of '{name}' ({weights.url}), could not get or read them: "
            f"{type(error).__name__}: {error}. Connect, or put that file into {torch.hub.get_dir()}/checkpoints "
            "(the environment's TORCH_HOME moves it)."
        ) from error
