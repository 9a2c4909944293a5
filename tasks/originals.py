"""The original label of every image that is known: of those indexed, and of those known by id alone."""

from __future__ import annotations

import pandas as pd

from tasks.store import Workspace


def original_labels(workspace: Workspace) -> pd.Series:
    """image_id -> class_idx (``Int64``; ``<NA>``: known by its id alone), ordered by image_id.

    Of sources that name different labels, ``images`` counts, then the first by name, as in ``truth``.
    """
    indexed = workspace.read("images", ["image_id", "class_idx"]).assign(source="")
    others = workspace.read("originals", ["image_id", "class_idx", "source"])
    both = pd.concat([indexed, others], ignore_index=True).astype({"class_idx": "Int64"})
    first = both.sort_values(["image_id", "source"], kind="stable").groupby("image_id", sort=True)
    return first["class_idx"].first()
