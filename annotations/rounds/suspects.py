"""Suspects as pairs to ask about: images of each kind in turn, by rank, as far as people have not settled them.

Reads ``suspects``, ``truth``, ``images`` and ``candidates``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reground.annotations.rounds.grids import PAIR
from reground.tasks.schema import OUTSIDE
from reground.tasks.suspects import open_suspects, recorded_kinds, review_order
from reground.tasks.workspace import Workspace


def suspect_pairs(workspace: Workspace, kinds: Sequence[str]) -> pd.DataFrame:
    """Suspects with their label, the labels proposed in its place (candidates or not), and the image's candidates.

    Args:
        workspace: with suspects.
        kinds: in their order; empty: all, by name.
    """
    kinds = kinds or recorded_kinds(workspace)
    rows = open_suspects(workspace, kinds)
    order = review_order(rows, kinds)
    columns = (rows[name].to_pylist() for name in ("image_id", "class_idx", "proposed"))
    named = [
        (image_id, label)
        for image_id, class_idx, proposed in zip(*columns, strict=True)
        for label in (class_idx, *proposed)
    ]
    tables = [pd.DataFrame(named, columns=PAIR), *(workspace.read(name, PAIR) for name in ("images", "candidates"))]
    pairs = pd.concat([table[table["image_id"].isin(order)] for table in tables])
    pairs = pairs[pairs["class_idx"].notna() & (pairs["class_idx"] != OUTSIDE)]
    return _in_order(pairs.astype({"class_idx": "int64"}), order)


def suspects_first(workspace: Workspace, kinds: Sequence[str], pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs, those of suspects before the others; each part as it is ordered."""
    return _in_order(pairs, review_order(open_suspects(workspace, kinds), kinds))


def _in_order(pairs: pd.DataFrame, image_ids: Sequence[str]) -> pd.DataFrame:
    """The pairs of these images first, in the order of the images; the others follow as they are."""
    place = {image_id: n for n, image_id in enumerate(image_ids)}
    places = [place.get(image_id, len(place)) for image_id in pairs["image_id"].tolist()]
    return pairs.iloc[np.argsort(np.array(places, np.int64), kind="stable")]
