"""Sets of labels as arrays: the labels of each image by one truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from reground.tasks.errors import unknown
from reground.tasks.schema import family
from reground.tasks.votes import Floats, Ints
from reground.tasks.workspace import Workspace

FAMILY: Final = "reference_truths"
ORIGINAL, OWN = "original", "own"
"""The truths that every workspace has: original labels, and the labels that its votes give."""


@dataclass(frozen=True)
class LabelSets:
    """The labels of N images.

    Attributes:
        image_ids: ``(N,)`` each once, in order.
        image: ``(P,)`` index into image_ids of each label, in order. An image without labels has none that holds.
        class_idx: ``(P,)`` the labels.
        confidence: ``(P,)`` of each label, 0 to 1, higher is more certain; 1 where none is published.
    """

    image_ids: list[str]
    image: Ints
    class_idx: Ints
    confidence: Floats


def reference_names(workspace: Workspace) -> list[str]:
    """Names of the reference truths in the workspace, in order."""
    return [name.partition("/")[2] for name in workspace.tables() if family(name) == FAMILY]


def read_reference(workspace: Workspace, name: str) -> LabelSets:
    """The labels of a reference truth.

    Raises:
        UsageError: there is none of this name; the message lists all.
    """
    names = reference_names(workspace)
    if name not in names:
        raise unknown("reference truth", name, names)
    return label_sets(workspace.read_arrow(f"{FAMILY}/{name}", ["image_id", "labels", "confidence"]))


def label_sets(rows: pa.Table) -> LabelSets:
    """Rows with ``image_id``, ``labels`` and ``confidence`` (null: not known) as arrays.

    Examples:
        >>> rows = pa.table({"image_id": ["b", "a"], "labels": [[7, 3], [7]], "confidence": [[0.9, 0.6], None]})
        >>> sets = label_sets(rows)
        >>> sets.image_ids, sets.image.tolist(), sets.class_idx.tolist(), sets.confidence.tolist()
        (['a', 'b'], [0, 1, 1], [7, 7, 3], [1.0, 0.9, 0.6])
    """
    ordered = sorted(
        zip(rows["image_id"].to_pylist(), rows["labels"].to_pylist(), rows["confidence"].to_pylist(), strict=True)
    )
    sizes = [len(labels) for _, labels, _ in ordered]
    return LabelSets(
        [image_id for image_id, _, _ in ordered],
        np.repeat(np.arange(len(ordered)), sizes),
        np.array([label for _, labels, _ in ordered for label in labels], np.int64),
        np.array([c for _, labels, values in ordered for c in values or [1.0] * len(labels)], np.float64),
    )
