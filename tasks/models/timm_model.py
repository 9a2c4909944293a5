"""Any classifier of timm: ``timm:NAME``, ``timm:hf-hub:ID`` or ``timm:local-dir:FOLDER``.

Preprocessing is the one in the model's own pretrained configuration (timm/data/transforms_factory.py,
``transforms_imagenet_eval``). ``local-dir`` takes a folder as ``timm.models.push_to_hf_hub`` writes it:
``config.json`` and weights, with classes of one's own if wanted.
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
    except Exception as error:  # the hub's client and safetensors raise errors of a dozen families
        raise RegroundError(
            f"expected the weights of '{name}', could not get them: {type(error).__name__}: {error}. "
            "Connect to huggingface.co, fill its cache (HF_HOME; then HF_HUB_OFFLINE=1 saves the waiting), "
            "or name a folder with config.json and weights: timm:local-dir:FOLDER."
        ) from error
    config = timm.data.resolve_model_data_config(module)
    photograph, square = transforms(name, config)
    return Network(
        name,
        module,
        weights=_weights(module.pretrained_cfg),
        class_count=module.num_classes,
        wnids=_wnids(timm, module, published=rest.startswith("hf-hub:timm/") or not rest.startswith(SOURCES)),
        photograph=photograph,
        square=square,
        device=device,
    )


def transforms(name: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """The preprocessing of a photograph, and of a square, from timm's data configuration.

    Raises:
        RegroundError: a model of inputs that are not square, or a way to crop not known here.
    """
    (_, height, width), mode, how = config["input_size"], config["crop_mode"], config["interpolation"]
    if height != width or mode not in ("center", "squash"):
        raise RegroundError(
            f"'{name}' wants inputs of {height} x {width} pixels, crop mode '{mode}': "
            "expected a square and center or squash. Choose another model."
        )
    scaled = math.floor(width / config["crop_pct"])
    resize = "resize_short" if mode == "center" else "resize"
    pixels = ("value_range(0, 1)", normalize(config["mean"], config["std"]))
    photograph = spec("decode", f"{resize}({scaled}, {how})", f"center_crop({width})", *pixels)
    return photograph, spec("decode", f"resize({width}, {how})", *pixels)


def _check_name(timm: Any, rest: str) -> None:
    if timm.is_model(rest.partition(".")[0]):
        return
    near = difflib.get_close_matches(rest, timm.list_models(), n=10, cutoff=0.5)
    raise UsageError(
        f"unknown model 'timm:{rest}'; names like it: {', '.join(near) or 'none'}. "
        'All: `python -c "import timm; print(timm.list_models(pretrained=True))"`.'
    )


def _weights(config: Mapping[str, Any]) -> str:
    tag = f".{config['tag']}" if config.get("tag") else ""
    return f"timm/{config.get('architecture', '')}{tag}"


def _wnids(timm: Any, module: Any, published: bool) -> Sequence[str]:
    """By the label names it gives; of a model timm publishes, by its number of classes."""
    names = module.pretrained_cfg.get("label_names") or ()
    if len(names) == module.num_classes and all(re.fullmatch(r"n\d{8}", name) for name in names):
        return names
    subset = timm.data.infer_imagenet_subset(module) if published else None
    return timm.data.ImageNetInfo(subset).label_names() if subset else ()
