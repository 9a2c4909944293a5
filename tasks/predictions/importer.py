"""Import predictions made elsewhere as a table: ``reground predict import``.

Reads ``classes`` and the tables that name images (``images``, ``original_labels``, ``votes``,
``reference_truths/NAME``, ``variants/NAME``); writes ``predictions/MODEL`` and ``dropped`` under a step of its own,
because ``reground predict`` removes the models that are not in its settings.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import LabelError, LabelIndex, label_index, read_original_labels, resolve_label
from reground.tasks.imports import ImageMatcher, ImageMatchError, check_replacement, check_rows_left, log_drops
from reground.tasks.kernels.class_probability import entropy
from reground.tasks.predictions import files
from reground.tasks.predictions.chance import looks_random
from reground.tasks.predictions.files import FileRow, Label
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
OUTSIDE_WORDS: Final = (str(OUTSIDE), f"{OUTSIDE}.0")
"""How a file spells a class outside the vocabulary."""
WHOLE: Final = 1e-3
"""Largest difference from 1 of the sum of all probabilities, which files round."""


@dataclass
class _FileRows:
    """The rows of a file: those that become predictions, and those left out."""

    predictions: list[PredictionRow] = field(default_factory=list[PredictionRow])
    dropped: list[DroppedRow] = field(default_factory=list[DroppedRow])
    repeated: int = 0

    def drop(self, row: FileRow, reason: DropReason, detail: str) -> None:
        self.dropped.append(dropped_row(STAGE, row.image_id, reason, f"{row.location}: {detail}"))


def import_predictions(
    workspace: Workspace,
    model: str,
    path: Path,
    *,
    replace: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, int]:
    """Import the predictions of a model.

    Args:
        workspace: with classes and images, or with imported votes: the image files are not needed.
        model: name of the model in this workspace.
        path: a file or folder in one of the formats of `reground.tasks.predictions.files.read`.
        replace: remove or change predictions that an earlier import of the model brought.
        columns: of a table: name -> the file's column with it, where that is another.

    Returns:
        Number of predictions, of dropped rows, of rows that came again (repeated), and of photographs without a
        prediction (missing).

    Raises:
        UsageError: the name is not valid for a table or is taken by ``reground predict``, the file is
            malformed or contradicts itself, no row matches an image of this workspace, or the import would remove or
            change predictions.
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
    file_rows = _check_rows(workspace, path, columns, photographs, label_index(classes))
    expected = f"predictions (image ids such as {', '.join(sorted(photographs)[:2])})"
    check_rows_left(path, expected, len(file_rows.predictions), file_rows.dropped)
    if not replace:
        _check_nothing_lost(workspace, model, file_rows.predictions)
    _commit(workspace, model, path, file_rows)
    log_drops(path, file_rows.dropped)
    _warn_of_chance(workspace, model, file_rows, len(classes))
    on_photographs = sum(row["set"] == PHOTOGRAPHS for row in file_rows.predictions)
    return {
        "predictions": len(file_rows.predictions),
        "dropped": len(file_rows.dropped),
        "repeated": file_rows.repeated,
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
    workspace: Workspace, path: Path, columns: Mapping[str, str], photographs: set[str], index: LabelIndex
) -> _FileRows:
    file_rows, images_by_set = _FileRows(), {PHOTOGRAPHS: ImageMatcher(photographs)}
    first_rows: dict[tuple[str, ImageId], tuple[str, PredictionRow]] = {}
    rows = list(files.read(path, columns))
    default_recipe = _recipe(path)
    for row in rows:
        if row.set_name not in images_by_set:
            images_by_set[row.set_name] = ImageMatcher(_variant_ids(workspace, row))
        try:
            prediction = _prediction(row, images_by_set[row.set_name], index, default_recipe)
        except ImageMatchError as error:
            file_rows.drop(row, DropReason.IMAGE_UNKNOWN, f"{error} among {row.set_name}")
            continue
        except LabelError as error:
            file_rows.drop(row, DropReason.LABEL_UNKNOWN, str(error))
            continue
        key = row.set_name, prediction["image_id"]
        first_location, first = first_rows.setdefault(key, (row.location, prediction))
        if first_location == row.location:
            file_rows.predictions.append(prediction)
        elif str(first) == str(prediction):  # NaN equals NaN as text
            file_rows.repeated += 1
        else:
            raise UsageError(
                f"{row.location}: predicts {list(row.labels)} for {prediction['image_id']}, but {first_location} says "
                "otherwise: keep one of the two."
            )
    for images in images_by_set.values():
        images.check_folders(str(path))
    return file_rows


def _prediction(row: FileRow, images: ImageMatcher, index: LabelIndex, default_recipe: str) -> PredictionRow:
    """A row as one of ``predictions``.

    Raises:
        ImageMatchError: its image is not there.
        LabelError: a label names no class, or several.
        UsageError: two labels name the same class.
    """
    image_id = images.match(row.image_id)
    class_idx = [_resolve(label, index) for label in row.labels]
    known = [label for label in class_idx if label != OUTSIDE]
    if len(set(known)) < len(known):
        raise UsageError(f"{row.location}: expected every class once, found {list(row.labels)}")
    return {
        "set": row.set_name,
        "image_id": image_id,
        "class_idx": class_idx,
        "probability": list(row.probability),
        # The original label may be another one tomorrow; where the list holds it, its probability is there.
        "original_probability": None,
        "entropy": row.entropy if row.entropy is not None else _entropy(row, len(index.classes)),
        "recipe": row.recipe or default_recipe,
    }


def _entropy(row: FileRow, classes: int) -> float | None:
    """Nats, where the row has the probability of every class; else None."""
    whole = len(row.labels) == classes and abs(sum(row.probability) - 1) < WHOLE  # never so with NaN
    return float(entropy(np.array([row.probability], np.float32))[0]) if whole else None


def _variant_ids(workspace: Workspace, row: FileRow) -> set[str]:
    table = f"variants/{row.set_name}"
    if table not in workspace.tables():
        variants = [name.partition("/")[2] for name in workspace.tables() if name.startswith("variants/")]
        raise unknown(f"set (in {row.location})", row.set_name, [PHOTOGRAPHS, *variants])
    return set(workspace.read(table, ["image_id"])["image_id"])


def _resolve(label: Label, index: LabelIndex) -> ClassIdx:
    return OUTSIDE if str(label).strip() in OUTSIDE_WORDS else resolve_label(str(label), index)


def _check_nothing_lost(workspace: Workspace, model: str, predictions: list[PredictionRow]) -> None:
    """Check that the predictions of an earlier import come again."""
    stored = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx"])
    if len(stored):
        incoming = pd.DataFrame(predictions)[[*stored.columns]]
        stored["class_idx"] = [labels.tolist() for labels in stored["class_idx"]]  # as in the rows
        check_replacement(stored, [incoming], f"predictions of '{model}'", "import under another name")


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
