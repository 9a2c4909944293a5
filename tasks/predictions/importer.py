"""Predictions made elsewhere come in as a table: ``reground predict import``.

Reads ``classes`` and what says which images there are (``images``, ``originals``, ``votes``,
``variants/NAME``); writes ``predictions/MODEL`` and ``dropped`` under a step of its own, so that
``reground predict``, which forgets the models it is no longer told of, leaves imported ones alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import LabelError, known_originals, label_index, resolve_label
from reground.tasks.predictions import files as predictions_file
from reground.tasks.predictions.files import Label, Row
from reground.tasks.predictions.step import looks_random
from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS, ClassIdx, ClassRow, DroppedRow, DropReason, dropped_row
from reground.tasks.workspace import Output, Workspace, digest

log = logging.getLogger(__name__)

STAGE: Final = "predict-import"
VERSION: Final = 1


@dataclass
class _Gathered:
    """What becomes of the rows of a file."""

    predictions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])

    def drop(self, row: Row, reason: DropReason, detail: str) -> None:
        self.dropped.append(dropped_row(STAGE, row.image_id, reason, f"{row.where}: {detail}"))


def import_predictions(workspace: Workspace, model: str, path: Path) -> dict[str, int]:
    """Bring in what a model predicted; a second file for the same model takes the place of the first.

    Args:
        workspace: with classes and images, or with imported votes: images need not be at hand.
        model: what the model is called from now on.
        path: as `reground.tasks.predictions.files.read` takes it.

    Returns:
        predictions, dropped, and the photographs that are known and have none (missing).

    Raises:
        UsageError: a name that is no table's or that ``reground predict`` has used, a malformed file, or one
            that has nothing to do with this workspace.
        RegroundError: the workspace knows no classes or no images.
    """
    _check_name(workspace, model)
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    photographs = known_photographs(workspace)
    if not classes or not photographs:
        raise RegroundError(
            f"expected {workspace.url} to know classes and images, found {len(classes):,} and {len(photographs):,}: "
            f"run `reground index IMAGES -w {workspace.url}` or `reground votes import -w {workspace.url}` first."
        )
    made = _gather(workspace, path, photographs, label_index(classes))
    if not made.predictions:
        raise _nothing(path, made, photographs)
    _commit(workspace, model, path, made)
    _warn_of_chance(workspace, model, made, len(classes))
    told = sum(row["set"] == PHOTOGRAPHS for row in made.predictions)
    return {
        "predictions": len(made.predictions),
        "dropped": len(made.dropped),
        "missing": len(photographs) - told,
    }


def known_photographs(workspace: Workspace) -> set[str]:
    """Ids of all images that ``images``, ``originals`` or ``votes`` name."""
    return {
        str(image_id)
        for table in ("images", "originals", "votes")
        for image_id in pd.unique(workspace.read(table, ["image_id"])["image_id"])
    }


def imported(workspace: Workspace) -> set[str]:
    """The models whose predictions were imported, by the names of their tables."""
    return {entry.shard for entry in workspace.entries(STAGE)}


def _check_name(workspace: Workspace, model: str) -> None:
    if not model or models.slug(model) != model:
        raise UsageError(
            f"expected a model's name of letters, digits, dots, dashes and underscores, got '{model}': "
            f"call it '{models.slug(model) or 'my-model'}'."
        )
    if any(entry.step != STAGE for entry, _ in workspace.parts(f"predictions/{model}")):
        raise UsageError(
            f"'{model}' has predicted in {workspace.url} itself (table predictions/{model}): "
            "give the imported predictions another name."
        )


def _gather(workspace: Workspace, path: Path, photographs: set[str], index: Mapping[str, set[ClassIdx]]) -> _Gathered:
    made, known = _Gathered(), {PHOTOGRAPHS: photographs}
    seen: dict[tuple[str, str], str] = {}
    rows = list(predictions_file.read(path))
    by_default = _recipe(path)
    for row in rows:
        if row.of_set not in known:
            known[row.of_set] = _variant_ids(workspace, row)
        if row.image_id not in known[row.of_set]:
            made.drop(row, DropReason.IMAGE_UNKNOWN, f"no such image among {row.of_set}")
            continue
        before = seen.setdefault((row.of_set, row.image_id), row.where)
        if before != row.where:
            made.drop(row, DropReason.DUPLICATE_ID, f"predicted already at {before}")
            continue
        try:
            class_idx = [_resolve(label, index) for label in row.labels]
        except LabelError as error:
            made.drop(row, DropReason.LABEL_UNKNOWN, str(error))
            continue
        made.predictions.append(
            {
                "set": row.of_set,
                "image_id": row.image_id,
                "class_idx": class_idx,
                "probability": list(row.probability),
                "recipe": row.recipe or by_default,
            }
        )
    return made


def _variant_ids(workspace: Workspace, row: Row) -> set[str]:
    table = f"variants/{row.of_set}"
    if table not in workspace.tables():
        made = ", ".join(name.partition("/")[2] for name in workspace.tables() if name.startswith("variants/"))
        raise UsageError(
            f"{row.where}: unknown set '{row.of_set}': expected one of: {', '.join(filter(None, (PHOTOGRAPHS, made)))}"
        )
    return set(workspace.read(table, ["image_id"])["image_id"])


def _resolve(label: Label, index: Mapping[str, set[ClassIdx]]) -> int:
    return int(OUTSIDE) if str(label).strip() == str(OUTSIDE) else int(resolve_label(str(label), index))


def _recipe(path: Path) -> str:
    """Where predictions came from that say nothing of how they were made."""
    return json.dumps({"imported": path.name, "sha256": _sha256(path)}, sort_keys=True)


def _sha256(path: Path) -> str:
    held = hashlib.sha256()
    for file in predictions_file.files(path):
        try:
            held.update(file.read_bytes())
        except OSError as error:
            raise UsageError(f"expected predictions in {file}: {error.strerror or error}.") from error
    return held.hexdigest()


def _commit(workspace: Workspace, model: str, path: Path, made: _Gathered) -> None:
    key = digest(str(VERSION), json.dumps([made.predictions, made.dropped]))
    before = workspace.entry(STAGE, model)
    if before is None or before.key != key:
        tables = {f"predictions/{model}": made.predictions, "dropped": made.dropped}
        workspace.commit(STAGE, model, key, Output(tables))


def _nothing(path: Path, made: _Gathered, photographs: set[str]) -> UsageError:
    why = "; ".join(row["detail"] for row in _first_of_each_reason(made.dropped)) or "it has no rows"
    known = ", ".join(sorted(photographs)[:2])
    return UsageError(
        f"{path}: expected predictions on the images of this workspace (such as {known}), found none: {why}"
    )


def _first_of_each_reason(dropped: list[DroppedRow]) -> Iterator[DroppedRow]:
    yield from {row["reason"]: row for row in reversed(dropped)}.values()


def _warn_of_chance(workspace: Workspace, model: str, made: _Gathered, classes: int) -> None:
    first = {row["image_id"]: row["class_idx"][0] for row in made.predictions if row["set"] == PHOTOGRAPHS}
    originals = known_originals(workspace)["class_idx"]
    labels = {image_id: label for image_id, label in originals.items() if image_id in first and not pd.isna(label)}
    right = sum(first[image_id] == label for image_id, label in labels.items())
    if looks_random(right, len(labels), classes):
        log.warning(
            "%s is right on %d of %d photographs, no better than guessing among %d classes: are its classes in another "
            "order than the table 'classes'? Name them by WordNet id to be sure.",
            *(model, right, len(labels), classes),
        )
