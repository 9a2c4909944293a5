"""Our numbers on exported files are those that the published evaluators compute on them.

Their arithmetic (MadryLab/backgrounds_challenge: in9_eval.py, challenge_eval.py, tools/model_utils.py) is written
here once more, with torchvision alone: ToTensor, normalise, the most probable of all classes, then the map.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reground.flows.run import run_step
from reground.tasks.adversarial import AdversarialSettings
from reground.tasks.evaluation import EvaluationSettings
from reground.tasks.images import load_classes
from reground.tasks.masks import MaskSettings
from reground.tasks.models import slug
from reground.tasks.predictions import PredictionSettings
from reground.tasks.schema import VARIANTS
from reground.tasks.variants import VariantSettings
from reground.tasks.workspace import Workspace
from tests.support.export_world import export
from tests.support.masks_world import TWO_THREADS, index_world, quiet
from tests.support.needs import need_package
from tests.support.released_data import run_released
from tests.support.small_models import timm_folder
from tests.support.world import CLASSES, World

SIDE = 96
"""What the small network takes in: nothing is resized between the files and the network."""


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world with its exact masks, in the layout of the released data."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "masks").mkdir()
    for image_id, mask in world.masks.items():
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{image_id}.png")
    workspace = index_world(world, str(folder / "workspace"), folder)
    run_step("masks", workspace, MaskSettings(method=f"supplied:{folder / 'masks'}"), TWO_THREADS, quiet(folder))
    run_step("variants", workspace, VariantSettings(size=SIDE), TWO_THREADS, quiet(folder))
    return export(workspace, "imagenet9", folder / "out")


@pytest.fixture(scope="module")
def model(out: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network of 1,000 classes: seven it sees, the originals' own mostly, on other variants any."""
    need_package("timm")
    import torch
    from safetensors.torch import load_file, save_file

    name = timm_folder(tmp_path_factory.mktemp("model") / "small", 1000, [row["wnids"][0] for row in load_classes()])
    file = Path(name.removeprefix("timm:local-dir:")) / "model.safetensors"
    paths = sorted(out.rglob("*.JPEG"))
    wnids, any_of = (
        [wnid for wnid, _ in CLASSES.values()],
        np.random.default_rng(0).integers(0, len(CLASSES), len(paths)),
    )
    original = [path.parts[-4] == "original" for path in paths]
    own = [wnids.index(path.stem.removeprefix("fg_").partition("_")[0]) for path in paths]
    wanted = torch.from_numpy(np.where(original, own, any_of))
    with torch.inference_mode():
        module = network(name)
        inputs = normalised(torch.stack([to_tensor(path) for path in paths]), name)
        features = module.forward_head(module.forward_features(inputs), pre_logits=True)
        centred = features - features.mean(0)
        known = torch.linalg.pinv(centred, rtol=1e-4) @ torch.nn.functional.one_hot(wanted, len(CLASSES)).float()
    weights = load_file(file)
    weights["fc.weight"], weights["fc.bias"] = torch.zeros_like(weights["fc.weight"]), torch.full((1000,), -9.0)
    weights["fc.weight"][list(CLASSES)] = known.T
    weights["fc.bias"][list(CLASSES)] = -(features.mean(0) @ known)
    save_file(weights, file)
    return name


def network(name: str):
    import timm
    from safetensors.torch import load_file

    module = timm.create_model("test_resnet", pretrained=False, num_classes=1000).eval()
    module.load_state_dict(load_file(Path(name.removeprefix("timm:local-dir:")) / "model.safetensors"))
    return module


def to_tensor(path: Path):
    from torchvision.transforms import ToTensor

    with Image.open(path) as image:
        return ToTensor()(image.convert("RGB"))


def normalised(batch, name: str):
    import torch

    config = json.loads((Path(name.removeprefix("timm:local-dir:")) / "config.json").read_text())["pretrained_cfg"]
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
    return (batch.clamp(0, 1) - mean) / std


def predicted_groups(out: Path, name: str) -> Callable:
    class_map = json.loads((out / "in_to_in9.json").read_text())
    module = network(name)
    return lambda batch: [class_map[str(int(top))] for top in module(normalised(batch, name)).argmax(1)]


def in9_eval(out: Path, name: str, variant: str) -> float:
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import ToTensor

    files = ImageFolder(str(out / variant / "val"), transform=ToTensor(), allow_empty=True)
    loader = torch.utils.data.DataLoader(files, batch_size=32)
    groups = predicted_groups(out, name)
    with torch.inference_mode():
        right = sum(np.equal(groups(batch), labels.tolist()).sum() for batch, labels in loader)
    return float(right / len(files))


def challenge_eval(out: Path, name: str) -> Iterator[bool]:
    """Whether each foreground is vulnerable, in the order of folders and files."""
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import ToTensor

    groups = predicted_groups(out, name)
    backgrounds = ImageFolder(str(out / "only_bg_t" / "val"), transform=ToTensor(), allow_empty=True)
    loader = torch.utils.data.DataLoader(backgrounds, batch_size=32)
    masks = out / "fg_mask" / "val"
    class_names = sorted(os.listdir(masks))  # noqa: PTH208 - as there
    with torch.inference_mode():
        for group, class_name in enumerate(class_names):
            for mask_name in sorted(os.listdir(masks / class_name)):  # noqa: PTH208
                mask = np.tile(np.load(masks / class_name / mask_name)[:, :, np.newaxis], [1, 1, 3]).astype("uint8")
                mask = ToTensor()(Image.fromarray(mask * 255))
                image_name = mask_name.replace("npy", "JPEG")
                image = ToTensor()(Image.open(out / "original" / "val" / class_name / image_name))
                combined = (batch * (1 - mask) + mask * image for batch, _ in loader)
                yield any(found != group for batch in combined for found in groups(batch))


@pytest.fixture(scope="module")
def read_back(out: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("read-back")
    workspace = Workspace(folder / "workspace")
    run_released(workspace, out, folder / "log", SIDE)
    run_step("predict", workspace, PredictionSettings((model,), VARIANTS), TWO_THREADS, quiet(folder))
    run_step("adversarial", workspace, AdversarialSettings((model,)), TWO_THREADS, quiet(folder))
    run_step("evaluate", workspace, EvaluationSettings(), TWO_THREADS, quiet(folder))
    return workspace


@pytest.fixture(scope="module")
def evaluation(read_back: Workspace) -> pd.DataFrame:
    found = read_back.read("evaluation")
    return found[found["subset"] == "all"].set_index(["set", "metric"])


def test_the_network_is_neither_blind_nor_perfect(read_back: Workspace, model: str):
    """Else the tests below could not fail."""
    predictions = read_back.read(f"predictions/{slug(model)}")
    for of_set, rows in predictions.groupby("set"):
        assert len({row[0] for row in rows["class_idx"]}) > 3, of_set
    assert 953 in {row[0] for row in predictions["class_idx"]}  # a pineapple: in no group


@pytest.mark.parametrize("variant", VARIANTS)
def test_accuracy_through_the_files_is_that_of_in9_eval(variant, out, model, evaluation):
    assert evaluation.loc[(variant, "group_accuracy"), "value"] == in9_eval(out, model, variant)


def test_the_accuracies_differ(evaluation):
    values = {variant: evaluation.loc[(variant, "group_accuracy"), "value"] for variant in VARIANTS}
    assert len(set(values.values())) > 4, values


def test_vulnerable_foregrounds_are_those_of_challenge_eval(out, model, read_back):
    found = read_back.read(f"adversarial/{slug(model)}").sort_values(["group", "image_id"])
    expected = list(challenge_eval(out, model))
    assert found["vulnerable"].tolist() == expected
    assert 0 < sum(expected) < len(expected)
