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
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pandas as pd

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import label_index, read_original_labels
from reground.tasks.imports import check_replacement, check_rows_left, log_drops
from reground.tasks.predictions import files
from reground.tasks.predictions.chance import looks_random
from reground.tasks.predictions.file_rows import FileRows, match_rows
from reground.tasks.predictions.set_images import STAGE, SetImages, photograph_ids
from reground.tasks.schema import PHOTOGRAPHS, ClassRow, PredictionRow
from reground.tasks.workspace import Output, Workspace, digest

log = logging.getLogger(__name__)

VERSION: Final = 1


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
    images = SetImages(workspace, photographs)
    file_rows = match_rows(list(files.read(path, columns)), images, label_index(classes), _recipe(path))
    images.check_folders(str(path))
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


def _commit(workspace: Workspace, model: str, path: Path, file_rows: FileRows) -> None:
    key = digest(str(VERSION), json.dumps([file_rows.predictions, file_rows.dropped]))
    before = workspace.entry(STAGE, model)
    if before is None or before.key != key:
        tables = {f"predictions/{model}": file_rows.predictions, "dropped": file_rows.dropped}
        workspace.commit(STAGE, model, key, Output(tables))


def _warn_of_chance(workspace: Workspace, model: str, file_rows: FileRows, classes: int) -> None:
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
