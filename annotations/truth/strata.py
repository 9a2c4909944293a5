"""Which images there are to judge, with the original label of each where it is known.

Images come from ``images``, from ``original_labels`` (votes on images that are not at hand) and from the
votes themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from reground.tasks.images import load_groups, read_original_labels
from reground.tasks.schema import ClassRow
from reground.tasks.votes import Bools, Ints, VoteArrays
from reground.tasks.workspace import Workspace

ANIMALS: Final = ("Dogs", "Other mammals", "Birds", "Reptiles, fish, amphibians", "Invertebrates")
"""The superclasses of Tsipras et al. 2020 whose classes few people can tell apart."""
OBJECT, OTHER_ANIMAL, ORIGINAL_ANIMAL = 0, 1, 2
"""Strata of pairs: the label names no animal; names one; and is the original label besides."""
STRATA: Final = 3
UNKNOWN: Final = -2
"""Stands for an original label that nobody knows: equal to none that a vote may name."""


def known_images(workspace: Workspace) -> pd.DataFrame:
    """``image_id``, ``original`` (nullable) and ``routing`` (nullable) of every image, once each, in order.

    Beside those of `reground.tasks.images.original_labels`, images that are known by votes or decisions alone.
    """
    known = read_original_labels(workspace)
    others = [workspace.read(name, ["image_id"])["image_id"] for name in ("votes", "decisions")]
    voted = pd.unique(pd.concat([*others, pd.Series(known.index)]))
    return known.reindex(sorted(voted)).rename_axis("image_id").rename(columns={"class_idx": "original"}).reset_index()


def animal_classes(workspace: Workspace) -> set[int]:
    """The workspace's classes that name animals: those of ImageNet's; of an own vocabulary, by WordNet id."""
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    rows, _ = load_groups("superclasses", classes)
    return {int(row["class_idx"]) for row in rows if row["name"] in ANIMALS}


def strata(votes: VoteArrays, originals: Mapping[str, int | None], animal: set[int]) -> Ints:
    """``(P,)``: the stratum of each pair that was asked about; see `stratum`."""
    return stratum(votes.label, _of_each_pair(votes, originals), animal)


def is_original(votes: VoteArrays, originals: Mapping[str, int | None]) -> Bools:
    """``(P,)``: whether each pair's label is its image's original one."""
    return _of_each_pair(votes, originals) == votes.label


def _of_each_pair(votes: VoteArrays, originals: Mapping[str, int | None]) -> Ints:
    of_image = of_pairs(votes.image_ids, originals)
    return of_image[votes.image] if len(votes.label) else of_image


def of_pairs(image_ids: Sequence[str], originals: Mapping[str, int | None]) -> Ints:
    """The original label of each image; `UNKNOWN` where nobody knows it."""
    labels = (originals.get(image_id) for image_id in image_ids)
    return np.array([UNKNOWN if label is None else label for label in labels], np.int64)


def stratum(labels: Ints, original: Ints, animal: set[int]) -> Ints:
    """``(N,)``: the stratum of each pair of an image and a label.

    Labels of one stratum are as likely to hold before any vote. People who cannot tell breeds
    apart say much the same of every breed, so that whether a label is the original one tells far
    more about animals than about objects. The released scores of Beyer et al. 2020 are a posterior
    with exactly these three priors (docs/votes.md).

    Args:
        labels: ``(N,)`` the label asked about.
        original: ``(N,)`` the original label of its image.
        animal: classes that name animals.
    """
    is_animal = np.isin(labels, sorted(animal))
    return np.where(is_animal, np.where(labels == original, ORIGINAL_ANIMAL, OTHER_ANIMAL), OBJECT).astype(np.int64)
