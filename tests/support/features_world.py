"""A workspace with images and the features of a model, from an array."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from reground.tasks.workspace import Output, Workspace
from tests.support.tables import image, put


def feature_rows(vectors: np.ndarray, set_name: str = "photographs") -> list[dict[str, Any]]:
    """Rows of ``features/m``; image n is called by its number, five digits."""
    return [
        {"set": set_name, "image_id": f"{number:05d}", "vector": vector, "recipe": "{}"}
        for number, vector in enumerate(vectors)
    ]


def put_features(
    url: str,
    vectors: np.ndarray,
    classes: Sequence[int] = (),
    files: int = 1,
    set_name: str = "photographs",
    features: bool = True,
) -> Workspace:
    """A workspace of images, each of class 0 unless ``classes`` says otherwise, with features in some files."""
    workspace = Workspace(url)
    rows = feature_rows(vectors, set_name)
    labels = classes if len(classes) else [0] * len(rows)
    put(workspace, "images", [image(row["image_id"], int(label)) for row, label in zip(rows, labels, strict=True)])
    key = hashlib.sha256(vectors.tobytes()).hexdigest()
    for number in range(files if features else 0):
        part = rows[number::files]
        workspace.commit("predict", f"m.{number}", key, Output({"features/m": part}))
    return workspace
