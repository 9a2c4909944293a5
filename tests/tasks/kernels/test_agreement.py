"""Agreement against its definition written out, the textbook's example, and crowd-kit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reground.tasks.kernels.agreement import agreement
from tests.support.needs import need_package
from tests.support.operations import count_operations

COUNTS = hnp.arrays(np.int64, st.tuples(st.integers(0, 12), st.integers(1, 4)), elements=st.integers(0, 5))


def by_definition(counts: np.ndarray) -> tuple[float, float]:
    """Alpha from the matrix of coincidences, and the mean share of equal pairs, answer by answer."""
    size = counts.shape[1]
    coincidences, equal = np.zeros((size, size)), []
    for row in counts:
        answers = [kind for kind in range(size) for _ in range(row[kind])]
        if len(answers) < 2:
            continue
        pairs = list(itertools.permutations(answers, 2))
        for one, other in pairs:
            coincidences[one, other] += 1 / (len(answers) - 1)
        equal.append(sum(one == other for one, other in pairs) / len(pairs))
    of, total = coincidences.sum(0), coincidences.sum()
    observed = total - np.trace(coincidences)
    expected = (total**2 - (of**2).sum()) / (total - 1) if total else 0
    return 1 - observed / expected if expected > 1e-9 else math.nan, float(np.mean(equal)) if equal else math.nan


@given(COUNTS)
def test_it_is_what_the_definition_says(counts: np.ndarray) -> None:
    found = agreement(counts)
    alpha, pairwise = by_definition(counts)
    assert found.alpha == pytest.approx(alpha, nan_ok=True) and found.pairwise == pytest.approx(pairwise, nan_ok=True)
    assert found.questions == (counts.sum(1) >= 2).sum() and found.answers == counts[counts.sum(1) >= 2].sum()


def test_the_textbooks_example() -> None:
    """Krippendorff 2004, table 11.5: four observers, twelve units, five values, answers missing."""
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    units = zip(*(line.split() for line in observers), strict=True)
    counts = np.array([[unit.count(str(value)) for value in range(1, 6)] for unit in units])
    assert agreement(counts).alpha == pytest.approx(0.743, abs=5e-4)


def test_crowd_kit_says_the_same() -> None:
    need_package("crowdkit")
    from crowdkit.metrics.data import alpha_krippendorff

    rng = np.random.default_rng(0)
    rows = [
        (task, worker, "yes" if rng.random() < (0.9 if task % 2 else 0.3) else "no")
        for task in range(40)
        for worker in range(6)
        if rng.random() < 0.7
    ]
    answers = pd.DataFrame(rows, columns=["task", "worker", "label"])
    counts = answers.groupby(["task", "label"]).size().unstack(fill_value=0).to_numpy()
    assert agreement(counts).alpha == pytest.approx(alpha_krippendorff(answers))


def test_where_nothing_can_be_said() -> None:
    assert math.isnan(agreement(np.zeros((0, 3), np.int64)).alpha)
    assert math.isnan(agreement(np.array([[1, 0], [0, 1]])).pairwise)
    alike = agreement(np.array([[5, 0], [2, 0]]))
    assert math.isnan(alike.alpha) and alike.pairwise == 1 and alike.answers == 7


def test_more_questions_take_no_more_python() -> None:
    many = np.random.default_rng(0).multinomial(5, [0.79, 0.08, 0.13], 1000).astype(np.int64)
    few = many[:10]
    assert count_operations(lambda: agreement(many)) == count_operations(lambda: agreement(few))
    assert count_operations(lambda: by_definition(many)) > 50 * count_operations(lambda: by_definition(few))


def test_as_many_votes_as_are_published() -> None:
    counts = np.random.default_rng(0).multinomial(5, [0.79, 0.08, 0.13], 184_962).astype(np.int64)
    found = agreement(counts)
    assert found.answers == 924_810 and abs(found.alpha) < 0.01
