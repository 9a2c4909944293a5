"""Poison planted among photographs of a group: how the scores of the kind poison rank it; and false accusations.

``python -m benchmarks.suspect_poison --images FOLDER --groups in_to_in9.json [--draws 5] [--seeds 200]`` with class
folders of JPEG files, called by WordNet ids, and the published map of classes to groups of ImageNet-9. Into the clean
photographs of a group come 10 % of other groups, with their label, by one attack: ``badnets`` (24 x 24 checkerboard
4 pixels from the corner of the input), ``blended`` (0.8 of the picture and 0.2 of one fixed noise), ``relabel`` (no
trigger: a plain label error); or ``patch``, the checkerboard on photographs of the group itself. Features are those of
a network off the shelf, EfficientNet-Lite0, as a user without a network of their own has them.

- ``auroc_SCORE``: probability that poison ranks above a clean photograph, by the order of the kind in a class that is
  not accused (isolation) and in one that is, by both scores of the latter, and by the spectral score, which is evidence
  alone; mean of the draws.
- ``accused``: share of clean classes that are accused, of ``seeds`` sets of 20 classes of 50 vectors, normal with
  variances that fall, or Student's with 5 degrees of freedom.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.model_outputs import features, inputs, labels, photographs
from benchmarks.record import record
from benchmarks.suspect_labels import auroc
from reground.tasks.kernels.class_outliers import accused, class_outliers
from reground.tasks.models import FeatureModel, load

GROUPS: Final = {"dog": 0, "bird": 1, "vehicle": 2}
"""Indices of the published map."""
SHARE: Final = 0.1
EPS: Final = 0.05
PATCH, SQUARE, MARGIN = 24, 6, 4
Inputs = np.ndarray


def badnets(picture: Inputs) -> Inputs:
    """A checkerboard of the extremes of the input."""
    place = np.arange(PATCH) // SQUARE
    board = (place[:, None] + place) % 2 == 0
    marked = picture.copy()
    corner = slice(-PATCH - MARGIN, -MARGIN)
    marked[:, corner, corner] = np.where(board, 1.0, -1.0)
    return marked


def blended(picture: Inputs) -> Inputs:
    noise = np.random.default_rng(0).uniform(-1, 1, picture.shape).astype(np.float32)
    return 0.8 * picture + 0.2 * noise


ATTACKS: Final[dict[str, Callable[[Inputs], Inputs]]] = {
    "badnets": badnets,
    "blended": blended,
    "relabel": lambda picture: picture,
    "patch": badnets,
}


def by_group(images: Path, groups: Path, draws: int) -> None:
    network = load("efficientnet-lite0")
    assert isinstance(network, FeatureModel)
    files = photographs(images)
    of_class = {int(label): int(group) for label, group in json.loads(groups.read_text()).items()}
    group_of = np.array([of_class[label] for label in labels(files, network).tolist()])
    for name, group in GROUPS.items():
        members = np.flatnonzero(group_of == group)
        clean = features(inputs([files[row] for row in members], network), network)
        foreign = np.flatnonzero((group_of != group) & (group_of >= 0))
        count = max(1, round(SHARE * len(members)))
        for attack, mark in ATTACKS.items():
            numbers: dict[str, list[float]] = {}
            for draw in range(draws):
                rng = np.random.default_rng(draw)
                rows = rng.choice(members if attack == "patch" else foreign, count, replace=False)
                marked = features(map(mark, inputs([files[row] for row in rows], network)), network)
                kept = clean[~np.isin(members, rows)]
                scores = class_outliers(np.concatenate([kept, marked]).astype(np.float64), EPS)
                order = np.empty(len(kept) + count)
                order[scores.order(accused=True)] = -np.arange(len(order))
                poison = np.arange(len(order)) >= len(kept)
                for score, values in (
                    ("isolation", scores.isolation),
                    ("accused", order),
                    ("que", scores.que),
                    ("distance", scores.distance),
                    ("spectral", scores.spectral),
                ):
                    numbers.setdefault(f"auroc_{score}", []).append(auroc(values, poison))
            means = {score: float(np.mean(values)) for score, values in numbers.items()}
            settings = {"group": name, "photographs": len(members), "poison": count, "attack": attack, "draws": draws}
            record("suspect_poison", {**settings, **means}, ("torch", "numpy"))


def false_accusations(seeds: int, classes: int = 20, size: int = 50, width: int = 64) -> None:
    for name in ("normal", "student"):
        count = 0
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            shape = classes, size, width
            noise = rng.normal(size=shape) if name == "normal" else rng.standard_t(5, size=shape)
            vectors = noise * 0.9 ** np.arange(width) + rng.normal(size=(classes, 1, width)) * 5
            count += int(accused([class_outliers(one, EPS).statistic for one in vectors])[0].sum())
        numbers = {"features": name, "seeds": seeds, "classes": classes, "images": size, "width": width}
        record("suspect_accusations", {**numbers, "accused": count / (seeds * classes)}, ("numpy",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of JPEG files, called by WordNet ids")
    parser.add_argument("--groups", type=Path, required=True, help="class index to group, as in_to_in9.json")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    by_group(options.images, options.groups, options.draws)
    false_accusations(options.seeds)


if __name__ == "__main__":
    main()
