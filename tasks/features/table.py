"""Read ``features/MODEL``: the one way to the features of images."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.schema import PHOTOGRAPHS, ImageId, family
from reground.tasks.workspace import Workspace

log = logging.getLogger(__name__)

FAMILY: Final = "features"


@dataclass(frozen=True)
class Features:
    """Features of the images of one set.

    Attributes:
        image_ids: N images, sorted.
        vectors: ``(N, D) float16``, finite, a row for each of them.
    """

    image_ids: list[ImageId]
    vectors: npt.NDArray[np.float16]


def feature_models(workspace: Workspace) -> list[str]:
    """Models with features, by the names of their tables."""
    return [name.partition("/")[2] for name in workspace.tables() if family(name) == FAMILY]


def feature_table(workspace: Workspace, model: str = "") -> str:
    """Name of the table with a model's features.

    Args:
        workspace: with the table.
        model: as its tables are called; empty: the first, by name.

    Raises:
        RegroundError: no model has features.
        UsageError: this one has none; the message lists those that have.
    """
    names = feature_models(workspace)
    if not names:
        raise RegroundError(
            f"{workspace.url} has no features: run `reground predict -w {workspace.shell_url} --features` first."
        )
    if model and model not in names:
        raise unknown("model with features", model, names)
    return f"{FAMILY}/{model or names[0]}"


def load_features(workspace: Workspace, model: str = "", set_name: str = PHOTOGRAPHS) -> Features:
    """All features of one set; a warning counts the photographs without.

    Args:
        workspace: with the features.
        model: as its tables are called; empty: the first, by name.
        set_name: photographs, or the name of a variant.

    Raises:
        RegroundError: no model has features, an image has two, or one of another length or with a value that is not
            finite.
        UsageError: this model has none, or none of this set.
    """
    table = feature_table(workspace, model)
    blocks: list[npt.NDArray[np.float16]] = []
    image_ids: list[str] = []
    for _, part in workspace.scan(table, ["set", "image_id", "vector"]):
        rows = part.filter(pc.field("set") == set_name)
        if len(rows):
            ids = rows["image_id"].to_pylist()
            blocks.append(_matrix(table, ids, rows["vector"].combine_chunks(), blocks[0].shape[1] if blocks else 0))
            image_ids += ids
    if not blocks:
        raise UsageError(
            f"{table} in {workspace.url} has no features of '{set_name}': run `reground predict "
            f"-w {workspace.shell_url} --features --on {set_name}`."
        )
    order = np.argsort(np.array(image_ids, object), kind="stable")
    ordered = [ImageId(image_ids[n]) for n in order.tolist()]
    twice = next((a for a, b in pairwise(ordered) if a == b), None)
    if twice is not None:
        raise RegroundError(f"expected one row an image in {table}, found two of '{twice}': remove or import it again.")
    if set_name == PHOTOGRAPHS:
        _warn_of_missing(workspace, table, ordered)
    return Features(ordered, np.concatenate(blocks)[order])


def _warn_of_missing(workspace: Workspace, table: str, image_ids: list[ImageId]) -> None:
    photographs = set(workspace.read_arrow("images", ["image_id"])["image_id"].to_pylist())
    missing = photographs.difference(image_ids)
    if missing:
        log.warning(
            "%d of %d photographs have no features in %s, such as '%s': run `reground predict -w %s --features`",
            *(len(missing), len(photographs), table, min(missing), workspace.shell_url),
        )


def _matrix(table: str, ids: list[str], vectors: pa.ListArray, width: int) -> npt.NDArray[np.float16]:
    """Vectors of one part, ``(N, D)``; ``width`` is D of the parts before, 0: there is none."""
    lengths = vectors.value_lengths().to_numpy(zero_copy_only=False)
    expected = width or int(lengths[0])
    other = np.flatnonzero(lengths != expected)
    if len(other) or not expected:
        first = int(other[0]) if len(other) else 0
        raise RegroundError(
            f"expected features of {expected or 'some'} numbers in {table}, those of '{ids[first]}' have "
            f"{int(lengths[first])}: another model's were mixed in; import or predict them again."
        )
    values = vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(ids), expected)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise RegroundError(
            f"expected finite features in {table}, those of '{ids[int(np.flatnonzero(~finite)[0])]}' are not: import "
            "or predict them again."
        )
    return values
