"""Outliers: photographs far from all others by their features, or broken by their plain facts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.facts import why_no_facts
from reground.tasks.kernels.fact_faults import fact_faults
from reground.tasks.schema import ImageId, Outcome
from reground.tasks.suspects.duplicate import neighbour_table
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.workspace import Workspace

log = logging.getLogger(__name__)

K: Final = 10
"""Neighbours whose mean distance counts; fewer where there are fewer."""
FENCE: Final = 1.7
"""Interquartile ranges above the third quartile."""
LEAST_RANGE: Final = 0.001
"""Interquartile range of the distances of a set in which all are equal but for rounding."""
MIN_IMAGES: Final = 20
"""From which on distances have quartiles."""
BROKEN: Final = 2.0
"""Added to the score of what is broken: no mean distance is larger."""
FACTS: Final = (
    "contrast", "main_colour_share", "dark_share", "bright_share", "aspect", "sharpness", "colourfulness",
)  # fmt: skip


@dataclass(frozen=True)
class _Images:
    """N images, by id; NaN: unknown."""

    image_ids: list[ImageId]
    distance: npt.NDArray[np.float64]
    facts: dict[str, npt.NDArray[np.float64]]
    short_side: npt.NDArray[np.float64]


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each image with neighbours, and for each that its facts show to be broken."""
    images = _load(workspace, settings)
    threshold = distance_threshold(images.distance[np.isfinite(images.distance)])
    faults = fact_faults(images.facts, images.short_side)
    named = np.stack(list(faults.values()), axis=1)
    broken = named.any(axis=1)
    distance = np.nan_to_num(images.distance, nan=0.0)
    score = distance + BROKEN * broken
    columns = {name: np.round(values, 6).tolist() for name, values in images.facts.items()}
    suspects: list[Suspect] = []
    for row in np.flatnonzero(np.isfinite(images.distance) | broken).tolist():
        evidence: dict[str, Any] = {name: values[row] for name, values in columns.items() if values[row] == values[row]}
        evidence["faults"] = [fault for fault, has in zip(faults, named[row].tolist(), strict=True) if has]
        if np.isfinite(images.distance[row]):
            evidence["distance"] = float(distance[row])
        suspects.append(
            Suspect(
                images.image_ids[row], float(score[row]), bool(score[row] > threshold), threshold, evidence=evidence
            )
        )
    return suspects


def distance_threshold(distances: npt.NDArray[np.float64]) -> float:
    """Mean distance above which an image is an outlier: ``Q3 + 1.7 (Q3 - Q1)``, at most 2; of few images 2.

    Args:
        distances: ``(N,)``.
    """
    if len(distances) < MIN_IMAGES:
        return BROKEN - 1e-9
    first, third = (float(value) for value in np.quantile(distances, (0.25, 0.75)))
    return min(third + FENCE * max(third - first, LEAST_RANGE), BROKEN - 1e-9)


def _load(workspace: Workspace, settings: SuspectSettings) -> _Images:
    images = workspace.read_arrow("images", ["image_id", "width", "height"]).sort_by("image_id")
    ids = images["image_id"].combine_chunks()
    short_side = np.minimum(images["width"].to_numpy(), images["height"].to_numpy()).astype(np.float64)
    distance = np.full(len(ids), np.nan)
    if table := neighbour_table(workspace, settings):
        neighbours = workspace.read_arrow(table, ["image_id", "cosine"])
        _put(distance, ids, neighbours["image_id"], _mean_distance(neighbours["cosine"]))
    facts = {name: np.full(len(ids), np.nan) for name in FACTS}
    if lacks := why_no_facts(workspace):
        log.warning("outliers: %s; until then broken files are found by their features and size alone", lacks)
    else:
        rows = workspace.read_arrow("facts", ["image_id", *FACTS])
        for name, values in facts.items():
            _put(values, ids, rows["image_id"], rows[name].to_numpy().astype(np.float64))
    return _Images(ids.to_pylist(), distance, facts, short_side)


def _put(target: npt.NDArray[np.float64], ids: pa.Array, of: pa.ChunkedArray, values: npt.NDArray[np.float64]) -> None:
    """Put the values of some images in the places of theirs; those that are not indexed are left out."""
    places = pc.index_in(of, value_set=ids)  # type: ignore[attr-defined]
    known = places.is_valid().to_numpy()
    target[places.drop_null().to_numpy()] = values[known]


def _mean_distance(cosines: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Mean of one minus the cosine of the ten nearest, ``(N,)``; NaN: there is none."""
    nearest = pc.list_slice(cosines, 0, K).combine_chunks()  # type: ignore[attr-defined]
    owner = pc.list_parent_indices(nearest).to_numpy()  # type: ignore[attr-defined]
    values = pc.list_flatten(nearest).to_numpy().astype(np.float64)  # type: ignore[attr-defined]
    count = np.bincount(owner, minlength=len(nearest))
    total = np.bincount(owner, 1 - values, minlength=len(nearest))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _tables(workspace: Workspace, settings: SuspectSettings) -> list[str]:
    facts = [] if why_no_facts(workspace) else ["facts"]
    return [*filter(None, [neighbour_table(workspace, settings)]), *facts]


def _missing(workspace: Workspace, settings: SuspectSettings) -> str:
    table = neighbour_table(workspace, settings)
    if settings.features and not table:
        return (
            f"there are no neighbours by the features '{settings.features}': run "
            f"`reground neighbours -w {workspace.shell_url} --features {settings.features}`"
        )
    if table or _tables(workspace, settings):
        return ""
    return (
        f"there are neither neighbours nor facts: run `reground facts -w {workspace.shell_url}`, or "
        f"`reground predict -w {workspace.shell_url} --features` and `reground neighbours`"
    )


METHOD = Method(
    tables=_tables,
    find=find,
    missing=_missing,
    limit="Features and facts do not see a negative, swapped colours or a picture upside down, and a rare but right "
    "photograph lies as far out as a wrong one.",
    models=lambda workspace, settings: tuple(filter(None, [neighbour_table(workspace, settings).partition("/")[2]])),
    faults=frozenset({Outcome.EMPTY}),
)
