"""Grids: for which labels a page of photographs makes sense.

CONTAINS saves time where people read one label and look at many photographs. A page of one or two photographs saves
nothing, and copies of one photograph are no more to look at than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

PAIR: Final = ["image_id", "class_idx"]


def split_by_grid(
    pairs: pd.DataFrame, content: Mapping[str, str], min_images: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs whose label has enough distinct images for a grid, and the others.

    Args:
        pairs: columns ``image_id`` and ``class_idx``.
        content: image_id -> SHA-256 of its file.
        min_images: smallest number of distinct images.

    Examples:
        >>> pairs = pd.DataFrame({"image_id": ["a", "b", "c"], "class_idx": [1, 1, 2]})
        >>> grid, rest = split_by_grid(pairs, {"a": "x", "b": "y", "c": "z"}, 2)
        >>> grid["image_id"].tolist(), rest["image_id"].tolist()
        (['a', 'b'], ['c'])
        >>> len(split_by_grid(pairs, {"a": "x", "b": "x", "c": "z"}, 2)[0])
        0
    """
    contents = pairs["image_id"].map(dict(content))
    is_enough = contents.groupby(pairs["class_idx"]).transform("nunique") >= min_images
    return pairs[is_enough], pairs[~is_enough]


def smallest_grid(min_grid: int, grid: int) -> int:
    """The smallest number of images on a page; where ``grid`` is small, half of it.

    Examples:
        >>> smallest_grid(8, 48), smallest_grid(8, 5)
        (8, 2)
    """
    return max(1, min(min_grid, grid // 2))
