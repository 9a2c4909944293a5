"""Any classifier of timm: ``timm:NAME``, ``timm:hf-hub:ID`` or ``timm:local-dir:FOLDER``.

Preprocessing is the one in the model's own pretrained configuration (timm/data/transforms_factory.py,
``transforms_imagenet_eval``). ``local-dir`` takes a folder as ``timm.models.push_to_hf_hub`` writes it:
``config.json`` and weights, also with custom classes.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.models.extras import import_extra
from reground.tasks.models.network import Network
from reground.tasks.models.preprocessing import normalize, spec

SOURCES = ("hf-hub:", "local-dir:")


def load(name: str, device: str) -> Network:
    """The network of that name, see `reground.tasks.models.load`."""
    timm = import_extra("timm", "timm", name)
    rest = name.partition(":")[2]
    if not rest.startswith(SOURCES):
        _check_name(timm, rest)
    try:
        module = timm.create_model(rest, pretrained=True)
    except Exception as error:  # the hub's client and safetensors have no common base class of errors
        raise RegroundError(
            f"expected the weights of '{name}', could not get them: {type(error).__name__}: {error}. "
            "Connect to huggingface.co, fill its cache (HF_HOME; then HF_HUB_OFFLINE=1 skips the network), "
            "or name a folder with config.json and weights: timm:local-dir:FOLDER."
        ) from error
    config = timm.data.resolve_model_data_config(module)
    photograph, square = transforms(name, config)
    return Network(
        name,
        module,
        weights=_weights(module.pretrained_cfg),
        class_count=module.num_classes,
        wnids=_wnids(timm, module, by_timm=rest.startswith("hf-hub:timm/") or not rest.startswith(SOURCES)),
        photograph=photograph,
        square=square,
        device=device,
        classifier=classifier_name(module.pretrained_cfg),
    )


def transforms(name: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """The preprocessing of a photograph and of a square image, from timm's data configuration.

    Raises:
        RegroundError: the input is not square, or the crop mode is not supported.
    """
    (_, height, width), mode, interpolation = config["input_size"], config["crop_mode"], config["interpolation"]
    if height != width or mode not in ("center", "squash"):
        raise RegroundError(
            f"'{name}' takes inputs of {height} x {width} pixels, crop mode '{mode}': "
            "expected a square and center or squash. Choose another model."
        )
    short = math.floor(width / config["crop_pct"])
    resize = "resize_short" if mode == "center" else "resize"
    pixels = ("value_range(0, 1)", normalize(config["mean"], config["std"]))
    photograph = spec("decode", f"{resize}({short}, {interpolation})", f"center_crop({width})", *pixels)
    return photograph, spec("decode", f"resize({width}, {interpolation})", *pixels)


def _check_name(timm: Any, rest: str) -> None:
    if timm.is_model(rest.partition(".")[0]):
        return
    matches = difflib.get_close_matches(rest, timm.list_models(), n=10, cutoff=0.5)
    raise UsageError(
        f"unknown model 'timm:{rest}'; names like it: {', '.join(matches) or 'none'}. "
        'All: `python -c "import timm; print(timm.list_models(pretrained=True))"`.'
    )


def classifier_name(config: Mapping[str, Any]) -> str:
    """Name of the last layer; of several, which are averaged, the first; empty: the configuration has none."""
    names = config.get("classifier") or ""
    return names if isinstance(names, str) else names[0]


def _weights(config: Mapping[str, Any]) -> str:
    tag = f".{config['tag']}" if config.get("tag") else ""
    return f"timm/{config.get('architecture', '')}{tag}"


def _wnids(timm: Any, module: Any, by_timm: bool) -> Sequence[str]:
    """From the label names in its configuration; for a model published by timm, from its number of classes."""
    names = module.pretrained_cfg.get("label_names") or ()
    if len(names) == module.num_classes and all(re.fullmatch(r"n\d{8}", name) for name in names):
        return names
    subset = timm.data.infer_imagenet_subset(module) if by_timm else None
    return timm.data.ImageNetInfo(subset).label_names() if subset else ()
