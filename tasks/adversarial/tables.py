"""Results of a search as rows: of foregrounds, of backgrounds, of several models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from reground.tasks.adversarial.inputs import SearchInputs
from reground.tasks.adversarial.outcomes import NO_BACKGROUND, NOT_TRIED, Outcomes, SearchResult
from reground.tasks.schema import AdversarialBackgroundRow, AdversarialPoolRow, AdversarialRow, AdversarialSharedRow

WORST: Final = 5
"""Backgrounds listed per foreground."""
DECIMALS: Final = 2
"""Decimals of a stored margin: margins decide the order of later tries, never a verdict."""


def foreground_rows(result: SearchResult) -> list[AdversarialRow]:
    """Rows of ``adversarial/MODEL``."""
    outcomes, inputs = result.outcomes, result.outcomes.inputs
    vulnerable, predicted_group = result.fooled_by != NO_BACKGROUND, outcomes.predicted_group
    columns = {
        "image_id": [inputs.foregrounds[row] for row in outcomes.rows],
        "group": outcomes.group.tolist(),
        "clean_class": result.clean.tolist(),
        "clean_correct": result.clean_correct.tolist(),
        "vulnerable": vulnerable.tolist(),
        "fooled_by": _names(inputs, result.fooled_by),
        "fooled_into": [
            int(predicted_group[row, position]) if position != NO_BACKGROUND else None
            for row, position in enumerate(result.fooled_by)
        ],
        "passes": result.passes.tolist(),
        "outcome": result.outcome,
        "misled_by": _names(inputs, result.misled_by),
        "outcome_passes": result.outcome_passes.tolist(),
        **_worst(outcomes),
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return cast("list[AdversarialRow]", rows)


def pair_rows(outcomes: Outcomes, recipe: str) -> pa.Table:
    """Rows of ``adversarial_pairs/MODEL``."""
    keys = [outcomes.inputs.foregrounds[row] for row in outcomes.rows]
    lists = pa.FixedSizeListArray.from_arrays(
        pa.array(outcomes.predicted.ravel(), pa.int32()), outcomes.predicted.shape[1]
    )
    return pa.table({"image_id": keys, "predicted": lists.cast(pa.list_(pa.int32())), "recipe": [recipe] * len(keys)})


def margin_rows(outcomes: Outcomes) -> pa.Table:
    """Rows of ``adversarial_margins/MODEL``."""
    keys = [outcomes.inputs.foregrounds[row] for row in outcomes.rows]
    margins = outcomes.margin.round(DECIMALS).ravel()
    lists = pa.FixedSizeListArray.from_arrays(pa.array(margins, pa.float32()), outcomes.margin.shape[1])
    return pa.table({"image_id": keys, "margin": lists.cast(pa.list_(pa.float32()))})


def earlier_margins(inputs: SearchInputs, parts: Iterable[pa.Table]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups ``(R,) int`` and margins ``(R, B) float32`` of each part of ``adversarial_margins/MODEL``."""
    for part in parts:
        yield _groups(inputs, part)[:, 0], matrix(part, "margin")


def matrix(part: pa.Table, column: str) -> np.ndarray:
    """A column of lists of equal length as an array, ``(R, B)``."""
    lists = part[column].combine_chunks()
    return lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), -1)


def pool_rows(inputs: SearchInputs) -> list[AdversarialPoolRow]:
    """Rows of ``adversarial_pool/MODEL``."""
    pool = zip(inputs.backgrounds, inputs.background_group.tolist(), strict=True)
    return [{"position": position, "image_id": key, "group": group} for position, (key, group) in enumerate(pool)]


def background_rows(inputs: SearchInputs, parts: Iterable[pa.Table]) -> list[AdversarialBackgroundRow]:
    """Rows of ``adversarial_backgrounds/MODEL``: results of each background on foregrounds of other groups.

    Args:
        inputs: foregrounds and backgrounds.
        parts: parts of ``adversarial_pairs/MODEL``.
    """
    counts = {name: np.zeros(len(inputs.backgrounds), np.int64) for name in ("tried", "into_own", "wrong", "unmapped")}
    for part in parts:
        predicted, own = matrix(part, "predicted"), _groups(inputs, part)
        predicted_group = inputs.groups_of(predicted)
        is_tried = (predicted != NOT_TRIED) & (own != inputs.background_group)
        hits_by_column = {
            "tried": True,
            "into_own": predicted_group == inputs.background_group,
            "wrong": predicted_group != own,
            "unmapped": predicted_group < 0,
        }
        for name, hits in hits_by_column.items():
            counts[name] += (is_tried & hits).sum(axis=0)
    rows = pd.DataFrame({"image_id": inputs.backgrounds, "group": inputs.background_group, **counts})
    rates = {f"{rate}_rate": rows[column] / rows["tried"] for rate, column in (("own", "into_own"), ("wrong", "wrong"))}
    rows = rows.assign(**rates)
    records = rows.astype(object).where(rows.notna(), None).to_dict("records")  # None for NaN
    return cast("list[AdversarialBackgroundRow]", records)


def shared_rows(inputs: SearchInputs, parts: Mapping[str, Iterable[pa.Table]]) -> list[AdversarialSharedRow]:
    """Rows of ``adversarial_shared``: how often each background fools all models on the same foreground.

    Args:
        inputs: foregrounds and backgrounds, the same for all models.
        parts: model -> parts of its ``adversarial_pairs``, in the same shards.
    """
    tried_by_all, fooled_all = (np.zeros(len(inputs.backgrounds), np.int64) for _ in range(2))
    for same in zip(*parts.values(), strict=True):
        own = _groups(inputs, same[0])
        predicted = np.stack([matrix(part, "predicted") for part in same])
        is_tried = (predicted != NOT_TRIED).all(axis=0) & (own != inputs.background_group)
        tried_by_all += is_tried.sum(axis=0)
        fooled_all += (is_tried & (inputs.groups_of(predicted) != own).all(axis=0)).sum(axis=0)
    pool = zip(inputs.backgrounds, inputs.background_group.tolist(), strict=True)
    return [
        {"image_id": key, "group": group, "models": list(parts), "tried": is_tried, "fooled_all": hits}
        for (key, group), is_tried, hits in zip(pool, tried_by_all.tolist(), fooled_all.tolist(), strict=True)
    ]


def _names(inputs: SearchInputs, positions: np.ndarray) -> list[str | None]:
    return [None if position == NO_BACKGROUND else inputs.backgrounds[position] for position in positions.tolist()]


def _worst(outcomes: Outcomes) -> dict[str, list[Any]]:
    """The columns ``worst`` and ``worst_probability``."""
    wrong = outcomes.tried & (outcomes.predicted_group != outcomes.group[:, None])
    confident = np.where(wrong, outcomes.probability, -1.0)
    first = np.argsort(-confident, axis=1, kind="stable")[:, :WORST]
    places = [columns[wrong[row, columns]] for row, columns in enumerate(first)]
    return {
        "worst": [[outcomes.inputs.backgrounds[column] for column in columns] for columns in places],
        "worst_probability": [
            outcomes.probability[row, columns].round(6).tolist() for row, columns in enumerate(places)
        ],
    }


def _groups(inputs: SearchInputs, part: pa.Table) -> np.ndarray:
    """``(R, 1) int32``: groups of the foregrounds of a part."""
    group = dict(zip(inputs.foregrounds, inputs.foreground_group.tolist(), strict=True))
    return np.array([group[key] for key in part["image_id"].to_pylist()], np.int32)[:, None]
