"""Sure and wrong: what models are sure of, and people rejected.

Settled images only, and only classes that people were asked about: of others nobody has said that they are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reground.tasks.evaluation.reference import ReferenceLabels
from reground.tasks.schema import ClassIdx, SureAndWrongRow
from reground.tasks.votes import Floats, Ints


def sure_and_wrong(
    models: Sequence[str], first: Ints, confidence: Floats, reference: ReferenceLabels, sure: float
) -> list[SureAndWrongRow]:
    """Rows of ``sure_and_wrong``: pairs of image and rejected class, that of which a model is surest first.

    Args:
        models: names of M models.
        first: ``(N, M)`` first answer of each; `NONE`: not predicted.
        confidence: ``(N, M)`` its probability, 0 to 1; NaN: not known.
        reference: people's labels of N images.
        sure: probability from which on a model is sure, at least one half.

    Examples:
        >>> import pandas as pd
        >>> from reground.tasks.evaluation.reference import Labels
        >>> image, class_idx = np.array([0, 0]), np.array([3, 7])
        >>> kept, likely = (Labels(image, class_idx, np.array(value)) for value in ([1.0, 0.0], [0.9, 0.2]))
        >>> none = Labels(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        >>> one = np.zeros(1, np.int64)
        >>> reference = ReferenceLabels(
        ...     pd.Index(["a"]),
        ...     original=one + 7,
        ...     main=one,
        ...     objects=one,
        ...     settled=one == 0,
        ...     outcome=np.array(["changed"], object),
        ...     probability=likely,
        ...     kept=kept,
        ...     frequency=none,
        ...     reviewed=True,
        ...     version="",
        ...     sources="",
        ... )
        >>> (row,) = sure_and_wrong(["m", "n"], np.array([[7, 7]]), np.array([[0.95, 0.99]]), reference, sure=0.9)
        >>> row["image_id"], row["class_idx"], row["labels"], row["models"], row["probability"]
        ('a', 7, [3], ['n', 'm'], [0.99, 0.95])
    """
    label = reference.kept.find(first)
    settled = (reference.outcome != "")[:, None]
    rejected = settled & (label >= 0) & (np.append(reference.kept.value, 1)[label] == 0)
    pairs: dict[int, list[tuple[float, str]]] = {}
    is_sure = confidence.astype(np.float32) >= np.float32(sure)  # as precise as probabilities are stored
    places: list[list[int]] = np.argwhere(rejected & is_sure).tolist()
    for image, model in places:
        pairs.setdefault(int(label[image, model]), []).append((-float(confidence[image, model]), models[model]))
    order = sorted((min(answers)[0], -len(answers), pair) for pair, answers in pairs.items())
    return [_row(rank, reference, pair, sorted(pairs[pair])) for rank, (_, _, pair) in enumerate(order, start=1)]


def _row(rank: int, reference: ReferenceLabels, pair: int, answers: Sequence[tuple[float, str]]) -> SureAndWrongRow:
    """``pair``: index of the rejected label; ``answers``: less the probability, and the model, the surest first."""
    kept = reference.kept
    image, class_idx = int(kept.image[pair]), int(kept.class_idx[pair])
    judged = slice(*np.searchsorted(kept.image, (image, image + 1)).tolist())
    return {
        "rank": rank,
        "image_id": reference.image_ids[image],
        "class_idx": ClassIdx(class_idx),
        "models": [model for _, model in answers],
        "probability": [-less for less, _ in answers],
        "is_original": class_idx == int(reference.original[image]),
        "outcome": reference.outcome[image],
        "labels": kept.class_idx[judged][kept.value[judged] > 0].tolist(),
        "valid_probability": float(reference.probability.value[pair]),
    }
