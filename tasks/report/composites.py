"""The report's composites: what a model saw when a background fooled it, put together again.

Reads ``adversarial/MODEL``, ``adversarial_pool/MODEL``, ``adversarial_pairs/MODEL``,
``foregrounds``, ``variants/original``, ``variants/only_bg_t``, ``classes``, ``groups``.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reground.tasks.images import decode_rgb
from reground.tasks.kernels.compose import paste
from reground.tasks.masks import decode_mask
from reground.tasks.report.snapshot import Snapshot

SHOWN: Final = 6
"""Foregrounds shown, of as many groups as there are."""
_MASK: Final = ("image_id", "class_idx", "rle", "height", "width")
_POOL: Final = ("image_id", "group")


@dataclass(frozen=True)
class Composite:
    """A foreground on the background that fools the model most surely.

    Attributes:
        name, group: the foreground's class and group.
        predicted_class, probability: the wrong class, and how probable the model found it.
        pixels: what the model saw, ``(size, size, 3) uint8``.
    """

    image_id: str
    name: str
    group: str
    background_id: str
    background_group: str
    predicted_class: str
    probability: float
    original: bytes
    background: bytes
    pixels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Pair:
    """A foreground and the background chosen for it."""

    image_id: str
    group: int
    background_id: str
    probability: float


def composites(snapshot: Snapshot, model: str) -> list[Composite]:
    """Of each group in turn the foreground that is right on its original and most surely misled."""
    selected = _select(snapshot, model)
    ids, background_ids = {pair.image_id for pair in selected}, {pair.background_id for pair in selected}
    masks = {row["image_id"]: row for row in snapshot.rows("foregrounds", _MASK, ids)}
    originals, backgrounds = _pictures(snapshot, "original", ids), _pictures(snapshot, "only_bg_t", background_ids)
    complete = [p for p in selected if p.image_id in masks.keys() & originals.keys() and p.background_id in backgrounds]
    predicted_class = _predicted_classes(snapshot, model, complete)
    classes = dict(snapshot.distinct("classes", ["class_idx", "name"]))
    groups = dict(snapshot.distinct("groups", ["group", "name"]))
    pool = snapshot.rows(f"adversarial_pool/{model}", _POOL, background_ids)
    pool_group = {row["image_id"]: row["group"] for row in pool}
    return [
        Composite(
            image_id=pair.image_id,
            name=classes.get(masks[pair.image_id]["class_idx"], ""),
            group=groups[pair.group],
            background_id=pair.background_id,
            background_group=groups[pool_group[pair.background_id]],
            predicted_class=classes.get(predicted_class[pair.image_id], "outside the vocabulary"),
            probability=pair.probability,
            original=originals[pair.image_id],
            background=backgrounds[pair.background_id],
            pixels=_compose(originals[pair.image_id], masks[pair.image_id], backgrounds[pair.background_id]),
        )
        for pair in complete
    ]


def _select(snapshot: Snapshot, model: str) -> list[_Pair]:
    """Each group in turn, its most surely misled foreground first; no background twice."""
    columns = ["image_id", "group", "clean_correct", "worst", "worst_probability"]
    frame = snapshot.frame(f"adversarial/{model}", columns)
    misled = frame[frame["clean_correct"].astype(bool) & (frame["worst"].map(len) > 0)]
    by_confidence = misled.assign(order=[-p[0] for p in misled["worst_probability"]]).sort_values(["order", "image_id"])
    by_turn = by_confidence.assign(turn=by_confidence.groupby("group").cumcount()).sort_values(["turn", "group"])
    selected: dict[str, _Pair] = {}
    for row in by_turn.to_dict("records"):
        unused = (p for p in zip(row["worst"], row["worst_probability"], strict=True) if p[0] not in selected)
        for background_id, probability in itertools.islice(unused, 1):
            selected[background_id] = _Pair(row["image_id"], row["group"], background_id, probability)
    return list(selected.values())[:SHOWN]


def _predicted_classes(snapshot: Snapshot, model: str, selected: Sequence[_Pair]) -> dict[str, int]:
    """image_id -> class predicted on the background chosen for it."""
    background_of = {pair.image_id: pair.background_id for pair in selected}
    pool = snapshot.rows(f"adversarial_pool/{model}", ["position", "image_id"], set(background_of.values()))
    position = {row["image_id"]: row["position"] for row in pool}
    pairs = snapshot.rows(f"adversarial_pairs/{model}", ["image_id", "predicted"], background_of)
    return {row["image_id"]: row["predicted"][position[background_of[row["image_id"]]]] for row in pairs}


def _pictures(snapshot: Snapshot, variant: str, image_ids: Collection[str]) -> dict[str, bytes]:
    rows = snapshot.rows(f"variants/{variant}", ["image_id", "image"], image_ids)
    return {row["image_id"]: row["image"]["bytes"] for row in rows}


def _compose(original: bytes, mask: dict[str, Any], background: bytes) -> npt.NDArray[np.uint8]:
    inside = decode_mask(mask["rle"], mask["height"], mask["width"])
    return paste(decode_rgb(original), inside, decode_rgb(background))
