"""Mistakes that all models share: photographs on which every model gives the same answer, and none of the labels is it.

Right are the labels that people settled, else the original label. Score: the mean probability of the answer over the
models that tell one, 0 to 1. Source: ImageNet-D (Zhang et al. 2024) keeps the images that several surrogate models get
wrong, because models that nobody has tried fail on them too; here the answer must be the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc

from reground.tasks.schema import ClassIdx, ImageState
from reground.tasks.suspects.ensemble import NONE, Ensemble, first_answers, load_ensemble, predicted_models
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.workspace import Workspace


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each photograph that two models or more predict, all of them as one class that is no label."""
    ensemble = load_ensemble(workspace)
    answers, settled = first_answers(ensemble), _settled(workspace)
    predicted = answers != NONE
    common = np.where(predicted, answers, answers.max(axis=0)) == answers.max(axis=0)
    suspects: list[Suspect] = []
    for n in np.flatnonzero(common.all(axis=0) & (predicted.sum(axis=0) >= 2)).tolist():
        answer, label, image_id = int(answers[:, n].max()), int(ensemble.labels[n]), ensemble.image_ids[n]
        labels, judged = settled.get(image_id, ([label], []))
        if answer < 0 or answer in labels:
            continue
        probability = _probability(ensemble, n)
        suspects.append(
            Suspect(
                image_id,
                score=probability or 0.0,
                flagged=True,
                class_idx=ClassIdx(label),
                proposed=[] if answer in judged else [ClassIdx(answer)],
                evidence={
                    "answer": answer,
                    "probability": probability,
                    "models": int(predicted[:, n].sum()),
                    "rejected": answer in judged,
                },
            )
        )
    return suspects


def _probability(ensemble: Ensemble, n: int) -> float | None:
    """Mean probability of the first answers to image n; None: no model tells one."""
    values = ensemble.probability[:, n, 0]
    values = values[~np.isnan(values) & (values > 0)]
    return round(float(values.mean()), 6) if len(values) else None


def _settled(workspace: Workspace) -> Mapping[str, tuple[list[int], list[int]]]:
    """Settled image -> the labels that hold, and all that people judged."""
    truth = workspace.read_arrow("truth", ["image_id", "state", "labels", "judged"])
    truth = truth.filter(pc.field("state") == ImageState.SETTLED)
    labels = zip(truth["labels"].to_pylist(), truth["judged"].to_pylist(), strict=True)
    return dict(zip(truth["image_id"].to_pylist(), labels, strict=True))


def _missing(workspace: Workspace, settings: SuspectSettings) -> str:
    models = predicted_models(workspace)
    if len(models) > 1:
        return ""
    return f"it takes the predictions of two models or more, there are {len(models)}: name more in `predict --models`"


METHOD = Method(
    tables=lambda workspace, settings: ("truth", *(f"predictions/{model}" for model in predicted_models(workspace))),
    find=find,
    missing=_missing,
    limit="Until people decide, a wrong label looks the same; and models that learned from the same photographs share "
    "mistakes that others need not make.",
    models=lambda workspace, settings: predicted_models(workspace),
)
