"""Predict: photographs and variants -> top-k of each model.

Reads ``images``, ``classes``, ``variants/NAME``; writes ``predictions/MODEL``, on request ``features/MODEL`` of the
same forward passes and, where a picture cannot be resized, ``dropped``. Ranking and mapping are those of Xiao et al.
2020 (see `reground.tasks.kernels.topk`). Photographs go through the preprocessing their model is published with;
variants are cropped already, so they are resized and nothing is cut off.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError, unknown
from reground.tasks.images import DropError
from reground.tasks.models import Model
from reground.tasks.predictions.chance import count_correct, looks_random
from reground.tasks.predictions.features import feature_table
from reground.tasks.predictions.inputs import batches, photograph_pixels, reader, variant_pixels
from reground.tasks.predictions.outputs import forward_pass, prediction_rows
from reground.tasks.schema import (
    OUTSIDE,
    PHOTOGRAPHS,
    PUBLISHED_VARIANTS,
    VARIANTS,
    DroppedRow,
    PredictionRow,
    Rows,
)
from reground.tasks.workspace import (
    Device,
    Fault,
    NonNegativeInt,
    Output,
    PositiveInt,
    Shard,
    Step,
    Workspace,
    digest,
    image_shards,
)

log = logging.getLogger(__name__)

PREFETCH: Final = {"cpu": 0, "cuda": 1}
"""Batches decoded during a forward pass; none on a CPU, where both need the same cores."""
BATCH: Final = {"cpu": 32, "cuda": 128}
"""Default batch size: images that a model is given at once."""


@dataclass(frozen=True)
class PredictionSettings:
    """Which models predict which sets.

    Attributes:
        models: models of the ensemble: ``efficientnet-lite0``, ``timm:NAME``, ``torchvision:NAME`` or the name
            of a plugin.
        on: sets to predict: photographs and names of variants.
        top_k: classes kept for each image, the most probable first.
        batch_size: images that a model is given at once; 0: default of the device. It changes the speed, and on a
            GPU the last bits of probabilities.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        features: write what each model's last layer reads too, as ``features/MODEL``. Features once made stay.
        num_gpus: GPUs that one worker on Ray takes: ``NUMBER`` for every model, ``MODEL=NUMBER`` for one; ``0``,
            a fraction or a whole number. Empty: 1 where the cluster has GPUs and the device is not ``cpu``.
    """

    models: tuple[str, ...] = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
    on: tuple[str, ...] = (PHOTOGRAPHS, *VARIANTS, *PUBLISHED_VARIANTS)
    top_k: PositiveInt = 5
    batch_size: NonNegativeInt = 0
    device: Device = "auto"
    features: bool = False
    num_gpus: tuple[str, ...] = ()


def faults(settings: PredictionSettings) -> Iterator[Fault]:
    """What is wrong before anything is predicted."""
    yield from (Fault("models", problem) for problem in models.name_problems(settings.models))
    problems = models.gpu_problems(settings.num_gpus, settings.models, settings.device)
    yield from (Fault("num_gpus", problem) for problem in problems)


def plan(workspace: Workspace, settings: PredictionSettings) -> list[Shard]:
    """One shard for each model, set and part of that set's table; sets without a table are skipped.

    Raises:
        UsageError: an unknown set, a model whose predictions or features were imported, or features of a plugin's
            model that is sure to have none.
    """
    workspace.require("images", "index IMAGES")
    _check(workspace, settings)
    classes_digest = _classes_digest(workspace)
    sets = {set_name: image_shards(workspace, _table(set_name), classes_digest) for set_name in settings.on}
    earlier = {entry.shard for model in settings.models for entry, _ in workspace.parts(_features(model))}
    return [
        Shard(
            _id(name, set_name, shard),
            shard.inputs,
            {
                "model": name,
                **models.plugin_args(name),
                "set": set_name,
                **({"features": True} if settings.features or _id(name, set_name, shard) in earlier else {}),
            },
            shard.size,
            shard.hints,
            last=set_name == PHOTOGRAPHS and shard is shards[-1],
        )
        for name in dict.fromkeys(settings.models)
        for set_name, shards in sets.items()
        for shard in shards
    ]


def _id(model: str, set_name: str, shard: Shard) -> str:
    return f"{models.slug(model)}.{set_name}.{shard.id}"


def _features(model: str) -> str:
    return f"features/{models.slug(model)}"


def work(workspace: Workspace, settings: PredictionSettings, shard: Shard) -> Output:
    """Predict one file of one set with one model.

    Raises:
        UsageError: features of a model that has none.
        RegroundError: an image, a package or the weights are missing, or the model's classes
            do not match the classes of the workspace.
    """
    model = models.load(shard.args["model"], settings.device)
    _, classes_digest = shard.inputs
    class_of = output_classes(model, _classes(workspace.url, classes_digest))
    forward = forward_pass(model, "features" in shard.args)
    set_name = shard.args["set"]
    columns, pixels, preprocessing = ["image"], variant_pixels, model.square
    if set_name == PHOTOGRAPHS:
        columns, pixels, preprocessing = ["uri", "sha256"], photograph_pixels, model.photograph
    part = workspace.read_part(shard.hints["part"], ["image_id", "class_idx", *columns])
    dropped: list[DroppedRow] = []
    rows: list[PredictionRow] = []
    vectors: list[np.ndarray] = []
    recipe = dataclasses.replace(model.recipe(preprocessing), plugin=shard.args.get("plugin", ""))
    batch_size = settings.batch_size or BATCH[recipe.device]
    keys = iter(zip(part["image_id"].to_pylist(), part["class_idx"].to_pylist(), strict=True))
    inputs = batches(
        part.select(columns).to_pylist(), reader(pixels, preprocessing), batch_size, PREFETCH[recipe.device]
    )
    for batch in inputs:
        named = list(zip(itertools.islice(keys, len(batch)), batch, strict=True))
        dropped += [error.row(STEP.name, name) for (name, _), error in named if isinstance(error, DropError)]
        arrays = {key: array for key, array in named if isinstance(array, np.ndarray)}
        if not arrays:
            continue
        probability, features = forward(np.stack([*arrays.values()]))
        rows += prediction_rows(list(arrays), probability, class_of, settings.top_k, set_name, recipe.to_json())
        vectors += [features] if features is not None else []
    if shard.last:
        _warn_of_chance(workspace, model.name, shard, rows)
    tables: dict[str, Rows] = {f"predictions/{models.slug(model.name)}": rows}
    if "features" in shard.args:
        matrix = np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float16)
        tables[_features(model.name)] = feature_table(rows, matrix)
    return Output({**tables, **({"dropped": dropped} if dropped else {})})


def output_classes(model: Model, classes: pd.DataFrame) -> np.ndarray:
    """Map a model's outputs to the classes of the workspace.

    Args:
        model: matched by its ``wnids``, or by ``class_count`` and order where it has none.
        classes: the table ``classes``.

    Returns:
        ``(C,) int32``: the class_idx of each output, -1: outside the vocabulary.

    Raises:
        RegroundError: no class can be matched.
    """
    if not model.wnids:
        return _by_index(model, classes)
    class_of_wnid = {wnid: int(row.class_idx) for row in classes.itertuples() for wnid in row.wnids}  # type: ignore[arg-type, attr-defined]
    mapped = [class_of_wnid.get(wnid, OUTSIDE) for wnid in model.wnids]
    if all(class_idx == OUTSIDE for class_idx in mapped):
        existing = f"{len(class_of_wnid):,} others" if class_of_wnid else "none"
        raise RegroundError(
            f"expected classes with some of the {model.class_count:,} WordNet ids of '{model.name}', the table "
            f"'classes' has {existing}: index with a classes file whose column wnids says what each class covers, "
            "or choose a model trained on these classes (timm:local-dir:FOLDER)."
        )
    return np.array(mapped, np.int32)


def _check(workspace: Workspace, settings: PredictionSettings) -> None:
    _refuse_imported(workspace, settings)
    if settings.features:
        for name in settings.models:
            models.check_features(name)
    tables = workspace.tables()
    for set_name in settings.on:
        if set_name not in (PHOTOGRAPHS, *VARIANTS, *PUBLISHED_VARIANTS) and _table(set_name) not in tables:
            queue = [table.partition("/")[2] for table in tables if table.startswith("variants/")]
            raise unknown("set", set_name, {PHOTOGRAPHS, *VARIANTS, *PUBLISHED_VARIANTS, *queue})


def _refuse_imported(workspace: Workspace, settings: PredictionSettings) -> None:
    for name in settings.models:
        for table in (f"predictions/{models.slug(name)}", _features(name)):
            if {entry.step for entry, _ in workspace.parts(table)} - {STEP.name}:
                raise UsageError(
                    f"expected a model without imported predictions, got '{name}': {table} in {workspace.url} was "
                    "imported. Predict in another workspace, or import it there under another name."
                )


def _table(set_name: str) -> str:
    return "images" if set_name == PHOTOGRAPHS else f"variants/{set_name}"


def _classes_digest(workspace: Workspace) -> str:
    """Of the columns that predictions depend on: a class may get another name or gloss."""
    rows = workspace.read_arrow("classes", ["class_idx", "wnids"]).to_pylist()
    return digest(*(f"{row['class_idx']} {' '.join(row['wnids'])}" for row in rows))


@functools.lru_cache(maxsize=1)
def _classes(url: str, digest: str) -> pd.DataFrame:
    # Reading a table walks the manifest: once for each state of the table, not for each shard.
    return Workspace(url).read("classes", ["class_idx", "wnids"])


def _by_index(model: Model, classes: pd.DataFrame) -> np.ndarray:
    if model.class_count != len(classes):
        raise RegroundError(
            f"'{model.name}' has {model.class_count:,} classes without WordNet ids, the table 'classes' has "
            f"{len(classes):,}: expected as many, in the same order. Give the model label_names that are "
            "WordNet ids, or index with its classes."
        )
    return classes["class_idx"].to_numpy(np.int32)


def _warn_of_chance(workspace: Workspace, name: str, shard: Shard, rows: Sequence[Mapping[str, Any]]) -> None:
    correct, n = count_correct(workspace, STEP.name, shard, rows)
    classes = len(workspace.read_arrow("classes", ["class_idx"]))
    if looks_random(correct, n, classes):
        log.warning(
            "%s is right on %d of %d photographs, no better than guessing among %d classes. Are the labels in another "
            "order than the table 'classes' (ImageNet's index counts sorted WordNet ids, the devkit's ILSVRC2012_ID "
            "does not; or they are off by one)? Or are the weights untrained?",
            *(name, correct, n, classes),
        )


STEP = Step(
    "predict",
    3,
    PredictionSettings,
    plan,
    work,
    check=faults,
    parallel=False,
    num_gpus=lambda settings, model: models.gpus_of(settings.num_gpus, model),
    execution_only=frozenset({"models", "on", "features", "num_gpus"}),
    idle="the sets of images to predict (predict.on) are empty",
)
