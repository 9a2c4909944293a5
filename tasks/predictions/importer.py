"""Import predictions and features made elsewhere: ``reground predict import``.

Reads ``classes`` and the tables that name images (``images``, ``original_labels``, ``votes``,
``reference_truths/NAME``, ``variants/NAME``); writes ``predictions/MODEL``, ``features/MODEL`` and ``dropped`` under a
step of its own, because ``reground predict`` removes the models that are not in its settings. All that is imported of
a model is one entry of the manifest.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import label_index, read_original_labels
from reground.tasks.imports import check_replacement, check_rows_left, log_drops
from reground.tasks.predictions import files
from reground.tasks.predictions.chance import looks_random
from reground.tasks.predictions.feature_files import files as feature_files
from reground.tasks.predictions.feature_files import read_vectors
from reground.tasks.predictions.feature_rows import FeatureRows, match_features
from reground.tasks.predictions.features import feature_table
from reground.tasks.predictions.file_rows import FileRows, match_rows
from reground.tasks.predictions.set_images import STAGE, SetImages, photograph_ids
from reground.tasks.schema import PHOTOGRAPHS, ClassRow, Rows
from reground.tasks.workspace import Output, Workspace, digest

log = logging.getLogger(__name__)

VERSION: Final = 1
BLOCK: Final = 2**20
"""Bytes of a file that are read at a time."""


def import_predictions(
    workspace: Workspace,
    model: str,
    path: Path | None,
    *,
    features: Path | None = None,
    replace: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, int]:
    """Import the predictions of a model, its features, or both.

    Args:
        workspace: with classes and images, or with imported votes: the image files are not needed.
        model: name of the model in this workspace.
        path: a file or folder in one of the formats of `reground.tasks.predictions.files.read`; None: features alone.
        features: a file in one of the formats of `reground.tasks.predictions.feature_files.read_vectors`; None: none.
        replace: remove or change what an earlier import of the model brought.
        columns: of a table of predictions: name -> the file's column with it, where that is another.

    Returns:
        Of predictions their number, dropped rows, rows that came again (repeated), and photographs without one
        (missing); of features the same, as features, features_dropped, features_repeated and features_missing.

    Raises:
        UsageError: no file, the name is not valid for a table or is taken by ``reground predict``, a file is
            malformed or contradicts itself, no row matches an image of this workspace, or the import would remove or
            change what an earlier one brought.
        RegroundError: the workspace has no classes or no images.
    """
    if path is None and features is None:
        raise UsageError("expected a file of predictions, --features FILE, or both.")
    if path is None and columns:
        raise UsageError("expected --columns with a file of predictions: those of a file of features have fixed names.")
    _check_name(workspace, model)
    classes: list[ClassRow] = workspace.read("classes").to_dict("records")  # type: ignore[assignment]
    photographs = photograph_ids(workspace)
    if not classes or not photographs:
        raise RegroundError(
            f"expected {workspace.url} to have classes and images, found {len(classes):,} and {len(photographs):,}: "
            f"run `reground index IMAGES -w {workspace.shell_url}` or "
            f"`reground votes import -w {workspace.shell_url}` first."
        )
    file_rows = _predictions(workspace, path, columns, photographs, classes) if path else FileRows()
    feature_rows = _features(workspace, features, photographs) if features else FeatureRows()
    if not replace:
        _check_nothing_lost(workspace, model, file_rows, feature_rows)
    _commit(workspace, model, file_rows, feature_rows)
    if path:
        log_drops(path, file_rows.dropped)
        _warn_of_chance(workspace, model, file_rows, len(classes))
    if features:
        log_drops(features, feature_rows.dropped)
    return {
        **(_counts(file_rows.predictions, file_rows, len(photographs), "predictions", "") if path else {}),
        **(_counts(feature_rows.keys, feature_rows, len(photographs), "features", "features_") if features else {}),
    }


def imported_models(workspace: Workspace) -> set[str]:
    """Names of the models with imported predictions or features, as in their tables."""
    return {entry.shard for entry in workspace.entries(STAGE)}


def remove_predictions(workspace: Workspace, model: str) -> dict[str, int]:
    """Remove the predictions and features that an import brought.

    Args:
        workspace: with the predictions.
        model: name of the model.

    Returns:
        The number of predictions removed, and that of features where there are any.

    Raises:
        UsageError: no import brought predictions or features of this model.
    """
    names = imported_models(workspace)
    if model not in names:
        if {f"predictions/{model}", f"features/{model}"} & {*workspace.tables()}:
            raise UsageError(
                f"the predictions of '{model}' were not imported: `reground predict` removes those of models that are "
                "not in its --models"
            )
        raise unknown("model with imported predictions", model, names)
    predictions, features = (
        sum(part.rows for _, part in workspace.parts(f"{table}/{model}")) for table in ("predictions", "features")
    )
    workspace.retire(STAGE, names - {model})
    return {"removed": predictions, **({"features_removed": features} if features else {})}


def _counts(
    rows: Sequence[Mapping[str, Any]], matches: FileRows | FeatureRows, photographs: int, name: str, prefix: str
) -> dict[str, int]:
    return {
        name: len(rows),
        f"{prefix}dropped": len(matches.dropped),
        f"{prefix}repeated": matches.repeated,
        f"{prefix}missing": photographs - sum(row["set"] == PHOTOGRAPHS for row in rows),
    }


def _check_name(workspace: Workspace, model: str) -> None:
    if not model or models.slug(model) != model:
        raise UsageError(
            f"expected a model's name of letters, digits, dots, dashes and underscores, got '{model}': "
            f"call it '{models.slug(model) or 'my-model'}'."
        )
    for table in (f"predictions/{model}", f"features/{model}"):
        if any(entry.step != STAGE for entry, _ in workspace.parts(table)):
            raise UsageError(
                f"'{model}' was run by `reground predict` in {workspace.url} (table {table}): "
                "import the predictions under another name."
            )


def _predictions(
    workspace: Workspace,
    path: Path,
    columns: Mapping[str, str],
    photographs: set[str],
    classes: Sequence[ClassRow],
) -> FileRows:
    images = SetImages(workspace, photographs)
    rows = match_rows(list(files.read(path, columns)), images, label_index(classes), _recipe(path, files.files(path)))
    images.check_folders(str(path))
    check_rows_left(path, _expected("predictions", photographs), len(rows.predictions), rows.dropped)
    return rows


def _features(workspace: Workspace, path: Path, photographs: set[str]) -> FeatureRows:
    images = SetImages(workspace, photographs)
    rows = match_features(read_vectors(path), images, _recipe(path, feature_files(path)))
    images.check_folders(str(path))
    check_rows_left(path, _expected("features", photographs), len(rows.keys), rows.dropped)
    return rows


def _expected(kind: str, photographs: set[str]) -> str:
    return f"{kind} (image ids such as {', '.join(sorted(photographs)[:2])})"


def _check_nothing_lost(workspace: Workspace, model: str, file_rows: FileRows, feature_rows: FeatureRows) -> None:
    """Check that the predictions and features of an earlier import come again."""
    stored = workspace.read(f"predictions/{model}", ["set", "image_id", "class_idx"])
    if len(stored):
        incoming = pd.DataFrame(file_rows.predictions, columns=[*stored.columns])
        stored["class_idx"] = [labels.tolist() for labels in stored["class_idx"]]  # as in the rows
        alternative = "import under another name, or give the file of predictions too"
        check_replacement(stored, [incoming], f"predictions of '{model}'", alternative)
    table = workspace.read_arrow(f"features/{model}", ["set", "image_id", "vector"])
    if len(table):
        vectors = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
        alternative = "import under another name, or give the file with --features too"
        check_replacement(
            _comparable(table.select(["set", "image_id"]).to_pylist(), vectors),
            [_comparable(feature_rows.keys, feature_rows.vectors)],
            *(f"features of '{model}'", alternative),
        )


def _comparable(keys: Sequence[Mapping[str, Any]], vectors: npt.NDArray[np.float16]) -> pd.DataFrame:
    """Features with a digest in place of each vector."""
    return pd.DataFrame(
        {
            "set": [key["set"] for key in keys],
            "image_id": [key["image_id"] for key in keys],
            "vector": [hashlib.blake2b(vector.tobytes(), digest_size=8).hexdigest() for vector in vectors],
        },
        dtype=object,
    )


def _recipe(path: Path, paths: Iterable[Path]) -> str:
    """Recipe of rows whose file gives none: file name, and checksum of all that is read."""
    checksum = hashlib.sha256()
    for file in paths:
        try:
            with file.open("rb") as stream:
                while block := stream.read(BLOCK):
                    checksum.update(block)
        except OSError as error:
            raise UsageError(f"expected {file}, but it cannot be read: {error.strerror or error}.") from error
    return json.dumps({"imported": path.name, "sha256": checksum.hexdigest()}, sort_keys=True)


def _commit(workspace: Workspace, model: str, file_rows: FileRows, feature_rows: FeatureRows) -> None:
    dropped = [*file_rows.dropped, *feature_rows.dropped]
    parts = [str(VERSION), json.dumps([file_rows.predictions, dropped])]
    tables: dict[str, Rows] = {"dropped": dropped}
    if file_rows.predictions:
        tables[f"predictions/{model}"] = file_rows.predictions
    if feature_rows.keys:
        parts += [json.dumps(feature_rows.keys), hashlib.blake2b(feature_rows.vectors.data).hexdigest()]
        tables[f"features/{model}"] = feature_table(feature_rows.keys, feature_rows.vectors)
    key, before = digest(*parts), workspace.entry(STAGE, model)
    if before is None or before.key != key:
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
