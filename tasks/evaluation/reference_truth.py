"""Labels that others publish, as the labels by which models are judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reground.tasks.evaluation.reference import NONE, Labels, ReferenceLabels
from reground.tasks.images import read_original_labels
from reground.tasks.references import read_reference
from reground.tasks.workspace import Workspace


def published_labels(workspace: Workspace, name: str) -> ReferenceLabels:
    """The labels of a reference truth; the photographs are its images and those with an original label.

    Published labels count as certain, whatever their confidence: publishers do not say which of them are
    probabilities. So intervals know the sampling of images alone.

    Args:
        workspace: read from.
        name: of the reference truth.
    """
    sets = read_reference(workspace, name)
    originals = read_original_labels(workspace)["class_idx"]
    ids = pd.Index(sorted({*map(str, originals.index), *sets.image_ids}), dtype="object")
    original = np.full(len(ids), NONE, np.int64)
    original[ids.get_indexer(originals.index)] = originals.fillna(NONE).to_numpy(np.int64)
    image = ids.get_indexer(pd.Index(sets.image_ids, dtype="object"))[sets.image]
    order = np.lexsort((sets.class_idx, image))
    labels = Labels(image[order], sets.class_idx[order], np.ones(len(order)))
    none = np.zeros(0, np.int64)
    return ReferenceLabels(
        ids,
        original,
        main=np.full(len(ids), NONE, np.int64),
        objects=np.zeros(len(ids), np.int64),
        settled=np.bincount(image, minlength=len(ids)) > 0,
        outcome=np.full(len(ids), "", object),
        probability=labels,
        kept=labels,
        frequency=Labels(none, none, np.zeros(0)),
        reviewed=True,
        version=workspace.table_digest(f"reference_truths/{name}")[:12],
        sources="",
        name=name,
    )
