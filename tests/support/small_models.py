"""Real networks with random weights, in the files that their libraries read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

TORCHVISION = "squeezenet1_1"
TORCHVISION_FILE = "squeezenet1_1-b8a52dc0.pth"
"""The name under which torchvision keeps that network's weights."""


def timm_folder(folder: Path, classes: int, label_names: Sequence[str] = (), seed: int = 0) -> str:
    """The name of a model of timm's smallest architecture, as `timm.models.push_to_hf_hub` would write it."""
    import safetensors.torch
    import timm
    import torch

    torch.manual_seed(seed)
    module = timm.create_model("test_resnet", pretrained=False, num_classes=classes)
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(module.state_dict(), folder / "model.safetensors")
    config = {
        "architecture": "test_resnet",
        "num_classes": classes,
        "pretrained_cfg": {
            "tag": "random",
            "input_size": [3, 96, 96],
            "crop_pct": 0.875,
            "crop_mode": "center",
            "interpolation": "bicubic",
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
            "num_classes": classes,
            **({"label_names": list(label_names)} if label_names else {}),
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    return f"timm:local-dir:{folder}"


def torchvision_home(folder: Path) -> Path:
    """A ``TORCH_HOME`` that holds random weights for `TORCHVISION`; returns the weights' file."""
    import torch
    import torchvision

    torch.manual_seed(0)
    file = folder / "hub" / "checkpoints" / TORCHVISION_FILE
    file.parent.mkdir(parents=True)
    torch.save(torchvision.models.get_model(TORCHVISION, weights=None).state_dict(), file)
    return file
