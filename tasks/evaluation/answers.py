"""What a model says of the photographs: its classes, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from reground.tasks.evaluation.reference import NONE, flatten, lengths, spread
from reground.tasks.schema import PHOTOGRAPHS
from reground.tasks.votes import Floats, Ints
from reground.tasks.workspace import Workspace

COLUMNS: Final = ("set", "image_id", "class_idx", "probability", "original_probability")


@dataclass(frozen=True)
class Answers:
    """One model on N photographs.

    Attributes:
        classes: ``(N, K)`` classes that it lists, best first; `NONE` where nothing.
        confidence: ``(N,)`` probability of the first, 0 to 1; NaN: nothing predicted, or imported without.
        of_original: ``(N,)`` probability of the original label, 0 to 1; NaN: not known.
    """

    classes: Ints
    confidence: Floats
    of_original: Floats


def read_answers(workspace: Workspace, model: str, ids: pd.Index, original: Ints) -> Answers:
    """The answers of a model.

    Args:
        workspace: read from.
        model: by the name of its table.
        ids: the N photographs; predictions on others are left out.
        original: ``(N,)`` their original labels; `NONE`: unknown.
    """
    table = workspace.read_arrow(f"predictions/{model}", COLUMNS)
    table = table.filter(pc.field("set") == PHOTOGRAPHS)
    index = ids.get_indexer(pd.Index(table["image_id"].to_pylist(), dtype=object))
    length = lengths(table["class_idx"])
    row = np.repeat(np.arange(len(length)), length)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    shape = len(length), int(length.max(initial=1))
    classes, probability = np.full(shape, NONE, np.int64), np.full(shape, np.nan)
    classes[row, rank] = flatten(table["class_idx"]).to_numpy()
    probability[row, rank] = flatten(table["probability"]).to_numpy()
    of_original = table["original_probability"].to_pandas().to_numpy(np.float64, na_value=np.nan)
    classes, probability, of_original = (
        spread(len(ids), index, values, default)
        for values, default in ((classes, NONE), (probability, np.nan), (of_original, np.nan))
    )
    listed = (classes == original[:, None]) & (classes >= 0)
    first = probability[np.arange(len(ids)), listed.argmax(axis=1)]
    of_original = np.where(listed.any(axis=1) & ~np.isnan(first), first, of_original)
    return Answers(classes, probability[:, 0], np.where(original == NONE, np.nan, of_original))
