"""Labels as ReaL publishes them: ``real.json``.

Source: Beyer et al. 2020, github.com/google-research/reassessed-imagenet.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.export.dataset import Dataset

IMAGENET_IDS: Final = [f"ILSVRC2012_val_{number:08d}" for number in range(1, 50_001)]


def real(data: Dataset, out: Path) -> None:
    """A list over all 50,000 validation images, in their order, or an object from image_id to labels.

    The list where all ids are ImageNet's and all labels ImageNet's classes: its numbers are ImageNet's
    indices, and an image that this export lacks has no labels, so that nobody is judged on it. Else the
    object, whose numbers are those of ``classes.json``.
    """
    target = out / "real.json"
    if _is_imagenet(data):
        whole: dict[str, list[int]] = {image_id: [] for image_id in IMAGENET_IDS}
        whole.update((image.image_id, [data.imagenet[label] for label in image.labels]) for image in data)
        target.write_text(json.dumps(list(whole.values())))
        data.notes.append(
            f"real.json: a list over ImageNet's 50,000 validation images; {len(data):,} have labels here, "
            "the others have no labels."
        )
        return
    with target.open("w", encoding="utf-8") as handle:
        lines = (f"{json.dumps(image.image_id)}: {json.dumps(image.labels)}" for image in data)
        handle.write("{\n" + ",\n".join(lines) + "\n}\n")
    (out / "classes.json").write_text(json.dumps(data.names, indent=1), encoding="utf-8")
    data.notes.append(
        "real.json: an object from image_id to class_idx (see classes.json), because not all ids and classes are "
        "ImageNet's; timm's RealLabelsImagenet takes only lists over ImageNet's validation images."
    )


def _is_imagenet(data: Dataset) -> bool:
    ids = pc.is_in(data.whole["image_id"], value_set=pa.array(IMAGENET_IDS))  # pyright: ignore[reportAttributeAccessIssue]
    label_classes = pc.unique(pc.list_flatten(data.whole["labels"])).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
    return pc.all(ids).as_py() is not False and set(label_classes) <= data.imagenet.keys()  # pyright: ignore[reportAttributeAccessIssue]
