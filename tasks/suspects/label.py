"""Label errors: photographs whose label models think improbable beside another class.

Score: one half less half the margin of the models' mean probability between the label and the best other class
(Northcutt, Jiang, Chuang 2021, section 3.2), 0 to 1. Where probabilities are out of sample and every class has enough
images, confident learning flags (`reground.tasks.kernels.confident_joint`); it compares an image with the others of
its class and is silent where classes are thin. There, and for models that may have been trained on these images, an
image is flagged whose margin is negative and in whose place all models name one other class.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from reground.tasks.kernels.confident_joint import prune_by_noise_rate
from reground.tasks.kernels.ensemble_probability import best_other
from reground.tasks.kernels.label_margin import common_answer, normalised_margin
from reground.tasks.schema import OUTSIDE, ClassIdx, Outcome
from reground.tasks.suspects.ensemble import (
    NONE,
    Ensemble,
    Floats,
    Ints,
    first_answers,
    load_ensemble,
    predicted_models,
)
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.workspace import Workspace

log = logging.getLogger(__name__)

ENOUGH: Final = 5
"""Images that each class needs for confident learning."""
AGREEMENT, CONFIDENT_JOINT = "agreement", "confident joint"


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each photograph of whose label some model tells the probability."""
    ensemble = load_ensemble(workspace)
    has_probability = ~np.isnan(ensemble.of_label)
    rows = np.flatnonzero(has_probability.any(axis=0))
    unknown = len(ensemble.image_ids) - len(rows)
    if unknown:
        log.warning("label: %d photographs have no score, since no model tells the probability of their label", unknown)
    return list(_suspects(_take(ensemble, rows), settings.out_of_sample))


def _take(ensemble: Ensemble, rows: Ints) -> Ensemble:
    return Ensemble(
        ensemble.models,
        [ensemble.image_ids[row] for row in rows.tolist()],
        ensemble.labels[rows],
        ensemble.of_label[:, rows],
        ensemble.classes[:, rows],
        ensemble.probability[:, rows],
    )


def _suspects(ensemble: Ensemble, out_of_sample: bool) -> Iterator[Suspect]:
    has_probability = ~np.isnan(ensemble.of_label)
    counts = has_probability.sum(axis=0)
    of_label = np.where(has_probability, ensemble.of_label, 0).sum(axis=0) / counts
    listed = (
        np.where(has_probability[:, :, None], ensemble.classes, OUTSIDE).transpose(1, 0, 2).reshape(len(counts), -1)
    )
    values = np.where(has_probability[:, :, None], np.nan_to_num(ensemble.probability), 0)
    values = values.transpose(1, 0, 2).reshape(len(counts), -1)
    other, sums = best_other(listed, values, ensemble.labels)
    score = normalised_margin(of_label, sums / counts)
    answers = first_answers(ensemble)
    rule, flagged = _flagged(ensemble.labels, score, answers, listed, values / counts[:, None], of_label, out_of_sample)
    columns = (ensemble.labels, score, flagged, of_label, sums / counts, counts, other, answers.T)
    rows = zip(ensemble.image_ids, *(column.tolist() for column in columns), strict=True)
    for image_id, label, value, is_flagged, probability, other_probability, models, best, said in rows:
        evidence: dict[str, Any] = {
            "probability": round(probability, 6),
            "other_probability": round(other_probability, 6),
            "answers": {model: answer for model, answer in zip(ensemble.models, said, strict=True) if answer != NONE},
            "models": models,
            "rule": rule,
        }
        proposed = [ClassIdx(best)] if best != OUTSIDE else []
        yield Suspect(image_id, value, is_flagged, class_idx=ClassIdx(label), proposed=proposed, evidence=evidence)


def _flagged(
    labels: Ints, score: Floats, answers: Ints, listed: Ints, values: Floats, of_label: Floats, out_of_sample: bool
) -> tuple[str, np.ndarray]:
    """The rule that flags, and ``(N,) bool`` what it flags."""
    if out_of_sample and len(labels) and np.bincount(labels)[np.unique(labels)].min() >= ENOUGH:
        return CONFIDENT_JOINT, prune_by_noise_rate(_dense(labels, listed, values, of_label), _codes(labels)[1])
    # Of a model without a prediction of the image nobody knows whether it would agree: the others decide.
    filled = np.where(answers == NONE, answers.max(axis=0), answers)
    return AGREEMENT, (score > 0.5) & (common_answer(filled, labels) >= 0)


def _codes(labels: Ints) -> tuple[Ints, Ints]:
    """Classes that are a label of some image, sorted, and the place of each image's label among them."""
    classes, codes = np.unique(labels, return_inverse=True)
    return classes, codes.astype(np.int64)


def _dense(labels: Ints, listed: Ints, values: Floats, of_label: Floats) -> Floats:
    """``(N, C)`` mean probability of the classes that are a label of some image; 0 where no model lists one."""
    classes, codes = _codes(labels)
    probability = np.zeros((len(labels), len(classes)))
    places = np.minimum(np.searchsorted(classes, listed), len(classes) - 1)
    hit = classes[places] == listed
    rows = np.broadcast_to(np.arange(len(labels))[:, None], listed.shape)
    np.add.at(probability, (rows[hit], places[hit]), values[hit])
    probability[np.arange(len(labels)), codes] = of_label
    return probability


def _missing(workspace: Workspace, settings: SuspectSettings) -> str:
    if predicted_models(workspace):
        return ""
    return f"no model has predictions: run `reground predict -w {workspace.shell_url}`"


METHOD = Method(
    tables=lambda workspace, settings: tuple(f"predictions/{model}" for model in predicted_models(workspace)),
    find=find,
    missing=_missing,
    limit="Models that were trained on these photographs, wrong labels included, repeat the wrong labels; and what "
    "models find improbable is often right, since they share their mistakes.",
    models=lambda workspace, settings: predicted_models(workspace),
    faults=frozenset({Outcome.CHANGED, Outcome.EMPTY}),
)
