"""Any classifier of torchvision: ``torchvision:NAME`` or ``torchvision:NAME@WEIGHTS``.

Preprocessing is the transform that comes with the weights. Weights are fetched into, or found in,
``TORCH_HOME/hub/checkpoints`` as usual.
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
    architecture, _, which = name.partition(":")[2].partition("@")
    weights = _choose(architecture, which)
    photograph, square = transforms(weights.transforms())
    classes = len(weights.meta["categories"])
    return Network(
        name,
        _fetch(name, architecture, weights),
        weights=f"torchvision/{weights}",
        class_count=classes,
        # torchvision names its classes in words; the 1,000 are ImageNet's, by sorted WordNet id.
        wnids=[row["wnids"][0] for row in load_classes()] if classes == 1000 else (),
        photograph=photograph,
        square=square,
        device=device,
    )


def transforms(preset: Any) -> tuple[str, str]:
    """The preprocessing of a photograph, and of a square, from torchvision's own."""
    (resized,), (side,), how = preset.resize_size, preset.crop_size, preset.interpolation.value
    pixels = ("value_range(0, 1)", normalize(preset.mean, preset.std))
    photograph = spec("decode", f"resize_short({resized}, {how})", f"center_crop({side})", *pixels)
    return photograph, spec("decode", f"resize({side}, {how})", *pixels)


def _choose(architecture: str, which: str) -> Any:
    names = torchvision.models.list_models(module=torchvision.models)
    if architecture not in names:
        raise unknown("torchvision model", architecture, names)
    choices = torchvision.models.get_model_weights(architecture)
    if which and which not in choices.__members__:
        raise unknown(f"weights of {architecture}", which, choices.__members__)
    return choices[which] if which else choices.DEFAULT  # type: ignore[attr-defined]


def _fetch(name: str, architecture: str, weights: Any) -> torch.nn.Module:
    try:
        # torchvision unpickles its files unguarded: only a file that has passed the guard gets there.
        weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        return torchvision.models.get_model(architecture, weights=weights, progress=False)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise RegroundError(
            f"expected the weights of '{name}' ({weights.url}), could not get or read them: "
            f"{type(error).__name__}: {error}. Connect, or put that file into {torch.hub.get_dir()}/checkpoints "
            "(the environment's TORCH_HOME moves it)."
        ) from error
