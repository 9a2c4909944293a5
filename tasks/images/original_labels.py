"""Original labels, of indexed images and of images that have only an id."""

from __future__ import annotations

import pandas as pd

from reground.tasks.workspace import Workspace


def read_original_labels(workspace: Workspace) -> pd.DataFrame:
    """Read ``class_idx`` (``Int64``) and ``routing`` of every image, by image_id; ``<NA>`` where unknown.

    Where sources disagree, ``images`` takes precedence, then the first source by name.
    """
    indexed = workspace.read("images", ["image_id", "class_idx"]).assign(source="", routing=None)
    external = workspace.read("original_labels", ["image_id", "class_idx", "routing", "source"])
    labels = pd.concat([indexed, external], ignore_index=True).astype({"class_idx": "Int64"})
    first = labels.sort_values(["image_id", "source"], kind="stable").groupby("image_id", sort=True)
    return first[["class_idx", "routing"]].first()  # the first non-null value of each column
