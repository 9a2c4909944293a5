"""Photographs in class folders, and what built-in models say of them: all probabilities, and features."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from reground.tasks.images import load_rgb
from reground.tasks.models import FeatureModel, Model

BATCH = 25


def photographs(folder: Path) -> list[Path]:
    """JPEG files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))


def labels(files: Iterable[Path], model: Model) -> np.ndarray:
    """``(N,) int64``: the output of the model for the WordNet id that each file's folder is called by."""
    output = {wnid: number for number, wnid in enumerate(model.wnids)}
    return np.array([output[file.parent.name] for file in files], np.int64)


def inputs(files: Iterable[Path], model: Model) -> Iterable[np.ndarray]:
    """Preprocessed photographs, ``(3, S, S) float32`` each."""
    return (model.photograph(load_rgb(str(file))) for file in files)


def probabilities(pictures: Iterable[np.ndarray], model: Model) -> np.ndarray:
    """``(N, C) float32``."""
    return _forward(pictures, model.predict)


def features(pictures: Iterable[np.ndarray], model: FeatureModel) -> np.ndarray:
    """``(N, D) float16``, as `predict --features` keeps them."""
    return _forward(pictures, lambda batch: model.predict_with_features(batch)[1].astype(np.float16))


def _forward(pictures: Iterable[np.ndarray], answer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    rest, parts = iter(pictures), list[np.ndarray]()
    while batch := list(islice(rest, BATCH)):
        parts.append(answer(np.stack(batch)))
    return np.concatenate(parts)
