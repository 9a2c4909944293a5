"""Import predictions made elsewhere as a table: ``reground predict import``.

Reads ``classes`` and the tables that name images (``images``, ``original_labels``, ``votes``,
``reference_truths/NAME``, ``variants/NAME``); writes ``predictions/MODEL`` and ``dropped`` under a step of its own,
because ``reground predict`` removes the models that are not in its settings.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import LabelError, label_index, read_original_labels, resolve_label
from reground.tasks.predictions import files
from reground.tasks.predictions.files import FileRow, Label
from reground.tasks.predictions.step import looks_random
from reground.tasks.references import reference_names
from reground.tasks.schema import (
    OUTSIDE,
    PHOTOGRAPHS,
    ClassIdx,
    ClassRow,
    DroppedRow,
    DropReason,
    ImageId,
    PredictionRow,
    dropped_row,
)
from reground.tasks.workspace import Output, Workspace, digest

log = logging.getLogger(__name__)

STAGE: Final = "predict-import"
VERSION: Final = 1


@dataclass
class _FileRows:
    """The rows of a file: those that become predictions, and those left out."""

    predictions: list[PredictionRow] = field(default_factory=list[PredictionRow])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])

    def drop(self, row: FileRow, reason: DropReason, detail: str) -> None:
        self.dropped.append(dropped_row(STAGE, row.image_id, reason, f"{row.location}: {detail}"))


def import_predictions(workspace: Workspace, model: str, path: Path) -> dict[str, int]:
    """Import the predictions of a model; a second file for the same model replaces the first.

    Args:
        workspace: with classes and images, or with imported votes: the image files are not needed.
        model: name of the model in this workspace.
        path: a file or folder in one of the formats of `reground.tasks.predictions.files.read`.

    Returns:
        Number of predictions, of dropped rows, and of photographs without a prediction (missing).

    Raises:
        UsageError: the name is not valid for a table or is taken by ``reground predict``, the file is
            malformed, or no row matches an image of this workspace.
        RegroundError: the workspace has no classes or no images.
    """
    _check_name(workspace, model)
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    photographs = photograph_ids(workspace)
    if not classes or not photographs:
        raise RegroundError(
            f"expected {workspace.url} to have classes and images, found {len(classes):,} and {len(photographs):,}: "
            f"run `reground index IMAGES -w {workspace.shell_url}` or "
            f"`reground votes import -w {workspace.shell_url}` first."
        )
    file_rows = _check_rows(workspace, path, photographs, label_index(classes))
    if not file_rows.predictions:
        raise _no_match_error(path, file_rows, photographs)
    _commit(workspace, model, path, file_rows)
    _warn_of_chance(workspace, model, file_rows, len(classes))
    on_photographs = sum(row["set"] == PHOTOGRAPHS for row in file_rows.predictions)
    return {
        "predictions": len(file_rows.predictions),
        "dropped": len(file_rows.dropped),
        "missing": len(photographs) - on_photographs,
    }


def photograph_ids(workspace: Workspace) -> set[str]:
    """Ids of all images in ``images``, ``original_labels``, ``votes`` and reference truths."""
    references = (f"reference_truths/{name}" for name in reference_names(workspace))
    return {
        str(image_id)
        for table in ("images", "original_labels", "votes", *references)
        for image_id in pd.unique(workspace.read(table, ["image_id"])["image_id"])
    }


def imported_models(workspace: Workspace) -> set[str]:
    """Names of the models with imported predictions, as in their tables."""
    return {entry.shard for entry in workspace.entries(STAGE)}


def remove_predictions(workspace: Workspace, model: str) -> int:
    """Remove the predictions that an import brought.

    Args:
        workspace: with the predictions.
        model: name of the model.

    Returns:
        The number of predictions removed.

    Raises:
        UsageError: no import brought predictions of this model.
    """
    names = imported_models(workspace)
    if model not in names:
        if f"predictions/{model}" in workspace.tables():
            raise UsageError(
                f"the predictions of '{model}' were not imported: `reground predict` removes those of models that are "
                "not in its --models"
            )
        raise unknown("model with imported predictions", model, names)
    removed = sum(part.rows for _, part in workspace.parts(f"predictions/{model}"))
    workspace.retire(STAGE, names - {model})
    return removed


def _check_name(workspace: Workspace, model: str) -> None:
    if not model or models.slug(model) != model:
        raise UsageError(
            f"expected a model's name of letters, digits, dots, dashes and underscores, got '{model}': "
            f"call it '{models.slug(model) or 'my-model'}'."
        )
    if any(entry.step != STAGE for entry, _ in workspace.parts(f"predictions/{model}")):
        raise UsageError(
            f"'{model}' was run by `reground predict` in {workspace.url} (table predictions/{model}): "
            "import the predictions under another name."
        )


def _check_rows(
    workspace: Workspace, path: Path, photographs: set[str], index: Mapping[str, set[ClassIdx]]
) -> _FileRows:
    file_rows, ids_of_set = _FileRows(), {PHOTOGRAPHS: photographs}
    first_locations: dict[tuple[str, str], str] = {}
    rows = list(files.read(path))
    default_recipe = _recipe(path)
    for row in rows:
        if row.set_name not in ids_of_set:
            ids_of_set[row.set_name] = _variant_ids(workspace, row)
        if row.image_id not in ids_of_set[row.set_name]:
            file_rows.drop(row, DropReason.IMAGE_UNKNOWN, f"no such image among {row.set_name}")
            continue
        first_location = first_locations.setdefault((row.set_name, row.image_id), row.location)
        if first_location != row.location:
            file_rows.drop(row, DropReason.DUPLICATE_ID, f"predicted already at {first_location}")
            continue
        try:
            class_idx = [_resolve(label, index) for label in row.labels]
        except LabelError as error:
            file_rows.drop(row, DropReason.LABEL_UNKNOWN, str(error))
            continue
        file_rows.predictions.append(
            {
                "set": row.set_name,
                "image_id": ImageId(row.image_id),
                "class_idx": class_idx,
                "probability": list(row.probability),
                "recipe": row.recipe or default_recipe,
            }
        )
    return file_rows


def _variant_ids(workspace: Workspace, row: FileRow) -> set[str]:
    table = f"variants/{row.set_name}"
    if table not in workspace.tables():
        variants = [name.partition("/")[2] for name in workspace.tables() if name.startswith("variants/")]
        raise unknown(f"set (in {row.location})", row.set_name, [PHOTOGRAPHS, *variants])
    return set(workspace.read(table, ["image_id"])["image_id"])


def _resolve(label: Label, index: Mapping[str, set[ClassIdx]]) -> ClassIdx:
    return OUTSIDE if str(label).strip() == str(OUTSIDE) else resolve_label(str(label), index)


def _recipe(path: Path) -> str:
    """Recipe of predictions whose file gives none: file name and checksum."""
    return json.dumps({"imported": path.name, "sha256": _sha256(path)}, sort_keys=True)


def _sha256(path: Path) -> str:
    checksum = hashlib.sha256()
    for file in files.files(path):
        try:
            checksum.update(file.read_bytes())
        except OSError as error:
            raise UsageError(f"expected predictions in {file}: {error.strerror or error}.") from error
    return checksum.hexdigest()


def _commit(workspace: Workspace, model: str, path: Path, file_rows: _FileRows) -> None:
    key = digest(str(VERSION), json.dumps([file_rows.predictions, file_rows.dropped]))
    before = workspace.entry(STAGE, model)
    if before is None or before.key != key:
        tables = {f"predictions/{model}": file_rows.predictions, "dropped": file_rows.dropped}
        workspace.commit(STAGE, model, key, Output(tables))


def _no_match_error(path: Path, file_rows: _FileRows, photographs: set[str]) -> UsageError:
    reasons = "; ".join(row["detail"] for row in _first_of_each_reason(file_rows.dropped)) or "it has no rows"
    examples = ", ".join(sorted(photographs)[:2])
    return UsageError(
        f"{path}: expected predictions on the images of this workspace (such as {examples}), found none: {reasons}"
    )


def _first_of_each_reason(dropped: list[DroppedRow]) -> Iterator[DroppedRow]:
    yield from {row["reason"]: row for row in reversed(dropped)}.values()


def _warn_of_chance(workspace: Workspace, model: str, file_rows: _FileRows, classes: int) -> None:
    top_1 = {str(row["image_id"]): row["class_idx"][0] for row in file_rows.predictions if row["set"] == PHOTOGRAPHS}
    originals = read_original_labels(workspace)["class_idx"]
    labels = {image_id: label for image_id, label in originals.items() if image_id in top_1 and not pd.isna(label)}
    correct = sum(top_1[str(image_id)] == label for image_id, label in labels.items())
    if looks_random(correct, len(labels), classes):
        log.warning(
            "%s is right on %d of %d photographs, no better than guessing among %d classes: are its classes in another "
            "order than the table 'classes'? Name them by WordNet id to be sure.",
            *(model, correct, len(labels), classes),
        )
