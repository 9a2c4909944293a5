"""The original label of every image that is known: of those indexed, and of those known by id alone."""

from __future__ import annotations

import pandas as pd

from reground.tasks.workspace import Workspace


def read_original_labels(workspace: Workspace) -> pd.DataFrame:
    """``class_idx`` (``Int64``) and ``routing`` of every image, both ``<NA>`` where nobody knows them, by image_id.

    Of sources that name different labels, ``images`` counts, then the first by name.
    """
    indexed = workspace.read("images", ["image_id", "class_idx"]).assign(source="", routing=None)
    others = workspace.read("original_labels", ["image_id", "class_idx", "routing", "source"])
    both = pd.concat([indexed, others], ignore_index=True).astype({"class_idx": "Int64"})
    first = both.sort_values(["image_id", "source"], kind="stable").groupby("image_id", sort=True)
    return first[["class_idx", "routing"]].first()  # of each column the first that is not null
