"""What a search has found, as rows: of foregrounds, of backgrounds, of several models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from reground.tasks.adversarial.scene import Scene
from reground.tasks.adversarial.trials import NOBODY, NOT_TRIED, Found, Trials

WORST: Final = 5
"""Backgrounds named for each foreground."""
DECIMALS: Final = 2
"""Of a margin: the order is learned from it, nothing is decided by it."""


def foreground_rows(found: Found) -> list[dict[str, Any]]:
    """Rows of ``adversarial/MODEL``."""
    trials, scene = found.trials, found.trials.scene
    vulnerable, into = found.fooled_by != NOBODY, trials.into
    columns = {
        "image_id": [scene.foregrounds[row] for row in trials.rows],
        "group": trials.group.tolist(),
        "clean_class": found.clean.tolist(),
        "clean_correct": found.clean_correct.tolist(),
        "vulnerable": vulnerable.tolist(),
        "fooled_by": _names(scene, found.fooled_by),
        "fooled_into": [int(into[row, by]) if by != NOBODY else None for row, by in enumerate(found.fooled_by)],
        "passes": found.passes.tolist(),
        "outcome": found.outcome,
        "misled_by": _names(scene, found.misled_by),
        "outcome_passes": found.outcome_passes.tolist(),
        **_worst(trials),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def pair_rows(trials: Trials, recipe: str) -> pa.Table:
    """Rows of ``adversarial_pairs/MODEL``."""
    keys = [trials.scene.foregrounds[row] for row in trials.rows]
    lists = pa.FixedSizeListArray.from_arrays(pa.array(trials.predicted.ravel(), pa.int32()), trials.predicted.shape[1])
    return pa.table({"image_id": keys, "predicted": lists.cast(pa.list_(pa.int32())), "recipe": [recipe] * len(keys)})


def margin_rows(trials: Trials) -> pa.Table:
    """Rows of ``adversarial_margins/MODEL``."""
    keys = [trials.scene.foregrounds[row] for row in trials.rows]
    margins = trials.margin.round(DECIMALS).ravel()
    lists = pa.FixedSizeListArray.from_arrays(pa.array(margins, pa.float32()), trials.margin.shape[1])
    return pa.table({"image_id": keys, "margin": lists.cast(pa.list_(pa.float32()))})


def experience(scene: Scene, parts: Iterable[pa.Table]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups ``(R,)`` and margins ``(R, B)`` of rows of ``adversarial_margins/MODEL``, part by part."""
    for part in parts:
        yield _groups(scene, part)[:, 0], matrix(part, "margin")


def matrix(part: pa.Table, column: str) -> np.ndarray:
    """A column of lists of one length, ``(R, B)``."""
    lists = part[column].combine_chunks()
    return lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), -1)


def pool_rows(scene: Scene) -> list[dict[str, Any]]:
    """Rows of ``adversarial_pool/MODEL``."""
    pool = zip(scene.backgrounds, scene.background_group.tolist(), strict=True)
    return [{"position": position, "image_id": key, "group": group} for position, (key, group) in enumerate(pool)]


def background_rows(scene: Scene, parts: Iterable[pa.Table]) -> list[dict[str, Any]]:
    """Rows of ``adversarial_backgrounds/MODEL``: how each background does against foregrounds of other groups.

    Args:
        scene: that was searched.
        parts: rows of ``adversarial_pairs/MODEL``.
    """
    counts = {name: np.zeros(len(scene.backgrounds), np.int64) for name in ("tried", "into_own", "wrong", "unmapped")}
    for part in parts:
        predicted, own = matrix(part, "predicted"), _groups(scene, part)
        into = scene.groups_of(predicted)
        tried = (predicted != NOT_TRIED) & (own != scene.background_group)
        of = {"tried": True, "into_own": into == scene.background_group, "wrong": into != own, "unmapped": into < 0}
        for name, hits in of.items():
            counts[name] += (tried & hits).sum(axis=0)
    rows = pd.DataFrame({"image_id": scene.backgrounds, "group": scene.background_group, **counts})
    rates = {f"{rate}_rate": rows[of] / rows["tried"] for rate, of in (("own", "into_own"), ("wrong", "wrong"))}
    return _records(rows.assign(**rates))


def shared_rows(scene: Scene, parts: Mapping[str, Iterable[pa.Table]]) -> list[dict[str, Any]]:
    """Rows of ``adversarial_shared``: which backgrounds fool all models on the same foregrounds.

    Args:
        scene: that all of them searched.
        parts: model -> rows of its ``adversarial_pairs``, cut alike.
    """
    tried_by_all, fooled_all = (np.zeros(len(scene.backgrounds), np.int64) for _ in range(2))
    for same in zip(*parts.values(), strict=True):
        own = _groups(scene, same[0])
        predicted = np.stack([matrix(part, "predicted") for part in same])
        tried = (predicted != NOT_TRIED).all(axis=0) & (own != scene.background_group)
        tried_by_all += tried.sum(axis=0)
        fooled_all += (tried & (scene.groups_of(predicted) != own).all(axis=0)).sum(axis=0)
    pool = zip(scene.backgrounds, scene.background_group.tolist(), strict=True)
    return [
        {"image_id": key, "group": group, "models": list(parts), "tried": tried, "fooled_all": hits}
        for (key, group), tried, hits in zip(pool, tried_by_all.tolist(), fooled_all.tolist(), strict=True)
    ]


def _names(scene: Scene, positions: np.ndarray) -> list[str | None]:
    return [None if position == NOBODY else scene.backgrounds[position] for position in positions.tolist()]


def _worst(trials: Trials) -> dict[str, list[Any]]:
    """Columns ``worst`` and ``worst_probability``."""
    wrong = trials.tried & (trials.into != trials.group[:, None])
    confident = np.where(wrong, trials.probability, -1.0)
    first = np.argsort(-confident, axis=1, kind="stable")[:, :WORST]
    kept = [columns[wrong[row, columns]] for row, columns in enumerate(first)]
    return {
        "worst": [[trials.scene.backgrounds[column] for column in columns] for columns in kept],
        "worst_probability": [trials.probability[row, columns].round(6).tolist() for row, columns in enumerate(kept)],
    }


def _groups(scene: Scene, part: pa.Table) -> np.ndarray:
    """``(R, 1)``: groups of the foregrounds of some rows."""
    group = dict(zip(scene.foregrounds, scene.foreground_group.tolist(), strict=True))
    return np.array([group[key] for key in part["image_id"].to_pylist()], np.int32)[:, None]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as mappings; null where a number is none."""
    return rows.astype(object).where(rows.notna(), None).to_dict("records")  # type: ignore[return-value]
