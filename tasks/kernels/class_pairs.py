"""Two classes that models confuse or people accept together: how often, and what follows for the pair.

An image counts for a pair if people judged both labels and accept one at least; the pair is selected together where
they accept both. Confusion is the share of first answers that name the other class, on images of each class, and the
mean of both. Intervals are Wilson's; that of the mean is of Zou and Donner 2008 (`reground.tasks.kernels.intervals`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.intervals import Estimate, mean_estimate, wilson

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SEPARABLE, CONFUSABLE, SYNONYM, UNDECIDED = "separable", "confusable", "synonym", "undecided"
NOT_PREDICTED: Final = -2
"""In place of an answer: the model has no prediction of the image."""


class CoSelections(NamedTuple):
    """R pairs of classes that people judged on one image, in order.

    Attributes:
        pairs: ``(R, 2)`` the lower class, the higher class.
        co_selected: ``(R,)`` images on which people accept both.
        exclusive: ``(R,)`` images on which people accept one and reject the other.
        two_objects: ``(R,)`` images of co_selected in which they are known to name different objects.
    """

    pairs: Ints
    co_selected: Ints
    exclusive: Ints
    two_objects: Ints


class Confusions(NamedTuple):
    """First answers of M models on images of C classes, and the R pairs of classes that some answer confuses, in order.

    Attributes:
        images: ``(C,)`` images of each class with a prediction of some model.
        pairs: ``(R, 2)`` the lower class, the higher class.
        low_as_high: ``(R,)`` sum over images of the lower class of the share of models that answer the higher.
        high_as_low: ``(R,)`` the reverse.
        predicted: ``(M, C)`` images of each class that a model predicts.
        correct: ``(M, C)`` of those, right.
        mistaken: ``(M, R)`` images of either class of a pair on which a model answers the other.
    """

    images: Ints
    pairs: Ints
    low_as_high: Floats
    high_as_low: Floats
    predicted: Ints
    correct: Ints
    mistaken: Ints


def two_of_an_image(image: Ints) -> tuple[Ints, Ints]:
    """Positions of every two labels of one image, the earlier one first.

    Args:
        image: ``(P,)`` image of each label, in order.

    Examples:
        >>> first, second = two_of_an_image(np.array([0, 0, 0, 1]))
        >>> sorted(zip(first.tolist(), second.tolist()))
        [(0, 1), (0, 2), (1, 2)]
    """
    empty: Ints = np.zeros(0, np.int64)
    first: list[Ints] = [empty]
    second: list[Ints] = [empty]
    for distance in range(1, len(image)):
        here = np.flatnonzero(image[distance:] == image[:-distance])
        if not len(here):
            break
        first.append(here)
        second.append(here + distance)
    return np.concatenate(first), np.concatenate(second)


def co_selections(image: Ints, label: Ints, accepted: Bools, object_idx: Ints) -> CoSelections:
    """How often people accept both labels of a pair, and how often one alone.

    Args:
        image: ``(P,)`` image of each label that people decided on, in order.
        label: ``(P,)`` its class, in order within an image, each once.
        accepted: ``(P,)`` whether people accept it.
        object_idx: ``(P,)`` object of the image that it names; negative: not known.

    Examples:
        Both are accepted on image 0, one on image 1, none on image 2.

        >>> image, label = np.array([0, 0, 1, 1, 2, 2]), np.array([3, 7, 3, 7, 3, 7])
        >>> accepted = np.array([True, True, True, False, False, False])
        >>> counts = co_selections(image, label, accepted, np.full(6, -1))
        >>> counts.pairs.tolist(), counts.co_selected.tolist(), counts.exclusive.tolist(), counts.two_objects.tolist()
        ([[3, 7]], [1], [1], [0])
    """
    first, second = two_of_an_image(image)
    pairs, row = _unique(label[first], label[second])
    both, one = accepted[first] & accepted[second], accepted[first] ^ accepted[second]
    objects = object_idx[first], object_idx[second]
    two = both & (objects[0] >= 0) & (objects[1] >= 0) & (objects[0] != objects[1])
    return CoSelections(pairs, *(np.bincount(row[mask], minlength=len(pairs)) for mask in (both, one, two)))


def confusions(labels: Ints, answers: Ints, classes: int) -> Confusions:
    """How often models answer one class on images of another.

    An image counts once, by the share of the models that predict it.

    Args:
        labels: ``(N,)`` class of each image, 0 to ``classes`` - 1.
        answers: ``(M, N)`` first answer of each model; -1: outside the classes; `NOT_PREDICTED`.
        classes: number of classes C.

    Examples:
        Two models, two images of class 0 and one of class 1.

        >>> answers = np.array([[0, 1, 1], [1, 1, NOT_PREDICTED]])
        >>> found = confusions(np.array([0, 0, 1]), answers, classes=2)
        >>> found.pairs.tolist(), found.low_as_high.tolist(), found.high_as_low.tolist(), found.images.tolist()
        ([[0, 1]], [1.5], [0.0], [2, 1])
    """
    predicted, wrong = answers != NOT_PREDICTED, (answers >= 0) & (answers != labels)
    models, (model, image) = predicted.sum(axis=0), np.nonzero(wrong)
    label, answer = labels[image], answers[model, image]
    pairs, row = _unique(np.minimum(label, answer), np.maximum(label, answer))
    share, size = 1 / models[image], len(pairs)
    return Confusions(
        np.bincount(labels[models > 0], minlength=classes),
        pairs,
        np.bincount(row, np.where(label < answer, share, 0), size).astype(np.float64),
        np.bincount(row, np.where(label > answer, share, 0), size).astype(np.float64),
        _per_class(labels, predicted, classes),
        _per_class(labels, answers == labels, classes),
        np.stack([np.bincount(row[model == m], minlength=size) for m in range(len(answers))])
        if len(answers)
        else np.zeros((0, size), np.int64),
    )


def confusion(low_as_high: float, high_as_low: float, n_low: int, n_high: int) -> Estimate:
    """Share of first answers that name the other class: the mean of both directions, or of the one there is.

    Args:
        low_as_high: sum over images of the lower class of the share of models that answer the higher.
        high_as_low: the reverse.
        n_low: images of the lower class.
        n_high: images of the higher class.

    Returns:
        0 to 1, higher: more confused; NaN where no image of either is predicted.

    Examples:
        >>> [round(number, 3) for number in confusion(10, 20, 50, 50)]
        [0.3, 0.224, 0.395, 100]
    """
    # A sum of shares may be rounded above the number of its terms.
    return mean_estimate([wilson(min(low_as_high, n_low), n_low), wilson(min(high_as_low, n_high), n_high)])


def verdict(co_selected: int, exclusive: int, two_objects: int, confused: Estimate, most: float, limit: float) -> str:
    """What models and people together say of a pair; each rule looks at an interval, never at a point.

    - ``separable``: models confuse less than ``limit``. If people accept both, the picture shows both.
    - ``synonym``: models confuse more, and people accept both, not as two objects, on ``most`` of the images.
    - ``confusable``: models confuse more, and people accept one alone on ``most``.
    - ``undecided``: all else: too few images, no prediction, people divided.

    Args:
        co_selected: images on which people accept both.
        exclusive: images on which they accept one alone.
        two_objects: images of ``co_selected`` in which both are known to name different objects.
        confused: of `confusion`.
        most: share of images, above one half.
        limit: share of answers.

    Examples:
        >>> often, seldom = confusion(10, 20, 50, 50), confusion(0, 1, 50, 50)
        >>> [verdict(*counts, often, most=0.6, limit=0.1) for counts in ((9, 0, 0), (0, 9, 0), (5, 4, 0), (1, 0, 0))]
        ['synonym', 'confusable', 'undecided', 'undecided']
        >>> verdict(9, 0, 9, often, most=0.6, limit=0.1), verdict(9, 0, 0, seldom, most=0.6, limit=0.1)
        ('undecided', 'separable')
    """
    n = co_selected + exclusive
    if confused.n and confused.high < limit:
        return SEPARABLE
    if not n or not confused.n or confused.low <= limit:
        return UNDECIDED
    if wilson(co_selected - two_objects, n).low > most:
        return SYNONYM
    return CONFUSABLE if wilson(exclusive, n).low > most else UNDECIDED


def _per_class(labels: Ints, mask: Bools, classes: int) -> Ints:
    """``(M, N)`` mask -> ``(M, C)`` images of each class where it is true."""
    rows = [np.bincount(labels[row], minlength=classes) for row in mask]
    return np.stack(rows) if rows else np.zeros((0, classes), np.int64)


def _unique(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Distinct pairs ``(R, 2)`` in order, and the row of each."""
    width = int(high.max(initial=0)) + 1
    keys, row = np.unique(low * width + high, return_inverse=True)
    return np.stack([keys // width, keys % width], axis=1), row
