"""Neighbours: features of photographs -> the most similar ones of each.

Reads ``features/MODEL``; writes ``neighbours/MODEL``. A shard is a range of photographs, by their ids, against all:
features of one photograph more can change the neighbours of any, so all shards are made anew then, and few long ranges
read the features less often than the many files of ``images`` would. Ranges and blocks start at fixed rows: how
``images`` is cut into files changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from reground.tasks.errors import UsageError
from reground.tasks.features import feature_models, feature_table, load_features
from reground.tasks.kernels.nearest_neighbours import BLOCK, nearest_neighbours, normalise
from reground.tasks.schema import family
from reground.tasks.workspace import Output, PositiveInt, Shard, Step, Workspace

log = logging.getLogger(__name__)

ROWS: Final = 8 * BLOCK
"""Photographs of a shard."""


@dataclass(frozen=True)
class NeighbourSettings:
    """Whose neighbours, and how many.

    Attributes:
        features: model whose features are compared, as its table is called; empty: the first with features, by name.
        k: neighbours of each photograph; fewer where there are fewer photographs.
    """

    features: str = ""
    k: PositiveInt = 10


def neighbour_models(workspace: Workspace) -> list[str]:
    """Models by whose features neighbours are there, by the names of their tables."""
    return [name.partition("/")[2] for name in workspace.tables() if family(name) == "neighbours"]


def plan(workspace: Workspace, settings: NeighbourSettings) -> list[Shard]:
    """One shard for each range of photographs; none where no model has features and none is named.

    Raises:
        RegroundError: nothing is indexed yet, or a model is named and none has features.
        UsageError: the model that is named has none; the message lists those that have.
    """
    workspace.require("images", "index IMAGES")
    if not settings.features and not feature_models(workspace):
        return []
    table = feature_table(workspace, settings.features)
    count, model = min(workspace.count("images"), workspace.count(table)), table.partition("/")[2]
    inputs = (workspace.table_digest(table),)
    return [
        Shard(f"{model}.{start // ROWS}", inputs, {"model": model, "start": start}, min(ROWS, count - start))
        for start in range(0, count, ROWS)
    ]


def work(workspace: Workspace, settings: NeighbourSettings, shard: Shard) -> Output:
    """The neighbours of one range of photographs. Features of zeros have the cosine 0 with all.

    Raises:
        RegroundError: the features are damaged, see `reground.tasks.features.load_features`.
    """
    model, start = shard.args["model"], shard.args["start"]
    try:
        features = load_features(workspace, model)
    except UsageError as error:  # variants alone have features: that is no fault
        log.warning("no neighbours: %s", error)
        return Output({f"neighbours/{model}": []})
    base = normalise(features.vectors)
    rows, cosines = nearest_neighbours(base[start : start + ROWS], base, settings.k, own=start)
    image_ids = pa.array(features.image_ids, pa.string())
    offsets = pa.array(range(0, rows.size + 1, rows.shape[1]) if rows.size else [0] * (len(rows) + 1), pa.int32())
    return Output(
        {
            f"neighbours/{model}": pa.table(
                {
                    "image_id": image_ids[start : start + len(rows)],
                    "neighbours": pa.ListArray.from_arrays(offsets, image_ids.take(pa.array(rows.ravel()))),
                    "cosine": pa.ListArray.from_arrays(offsets, pa.array(cosines.ravel())),
                }
            )
        }
    )


STEP = Step(
    "neighbours",
    1,
    NeighbourSettings,
    plan,
    work,
    parallel=False,  # a matrix product uses every core
    execution_only=frozenset({"features"}),  # the model is in the shard
    idle="no model has features: `reground predict --features` makes them",
)
