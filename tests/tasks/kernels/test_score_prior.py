"""What votes and scores together say, against Bayes' rule and planted priors."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.score_prior import holds_given_scores

PROBABILITY = st.floats(0.0, 1.0)


def planted(seed: int, right: float = 0.8, size: int = 4000) -> tuple[np.ndarray, ...]:
    """Labels of two scores, that hold with probability 0.9 and 0.05, and the belief after an answer so often right."""
    rng = np.random.default_rng(seed)
    scores = np.where(np.arange(size) % 2 == 0, 0.7, 0.1)
    state = rng.random(size) < np.where(scores == 0.7, 0.9, 0.05)
    answer = np.where(rng.random(size) < right, state, ~state)
    prior = state.mean()
    tells = right / (1 - right)
    odds = np.where(answer, tells, 1 / tells) * prior / (1 - prior)
    return scores, state, answer, odds / (1 + odds), np.array([prior])


def test_priors_of_scores_are_found_again() -> None:
    scores, _, answer, holds, prior = planted(0, right=0.995)
    belief = holds_given_scores(holds, np.ones(len(holds), bool), prior, np.zeros(len(holds), int), scores)
    for score, planted_prior in ((0.7, 0.9), (0.1, 0.05)):
        odds = planted_prior / (1 - planted_prior) * np.where(answer, 199.0, 1 / 199)
        rows = scores == score
        np.testing.assert_allclose(belief[rows], (odds / (1 + odds))[rows], atol=0.06)


def test_it_is_closer_to_the_truth_than_votes_alone() -> None:
    scores, state, _, holds, prior = planted(1)
    belief = holds_given_scores(holds, np.ones(len(holds), bool), prior, np.zeros(len(holds), int), scores)
    assert np.mean((belief - state) ** 2) < 0.8 * np.mean((holds - state) ** 2)


def test_scores_that_tell_nothing_change_nothing() -> None:
    _, _, _, holds, prior = planted(2)
    none = np.full(len(holds), np.nan)
    belief = holds_given_scores(holds, np.ones(len(holds), bool), prior, np.zeros(len(holds), int), none)
    np.testing.assert_allclose(belief, holds, atol=0.03)


def test_labels_without_votes_learn_from_those_of_their_score() -> None:
    scores, _, _, holds, prior = planted(3)
    has_votes = np.arange(len(holds)) % 10 != 0
    holds = np.where(has_votes, holds, prior[0])
    belief = holds_given_scores(holds, has_votes, prior, np.zeros(len(holds), int), scores)
    assert belief[~has_votes & (scores == 0.7)].min() > 0.6


def test_another_stratum_is_not_learnt_from() -> None:
    holds, scores = np.array([0.99] * 100 + [0.5]), np.full(101, 0.9)
    strata = np.array([0] * 100 + [1])
    has_votes = strata == 0
    belief = holds_given_scores(holds, has_votes, np.array([0.5, 0.5]), strata, scores)
    assert belief[-1] == 0.5 and belief[0] > 0.99


@given(
    st.lists(
        st.tuples(PROBABILITY, st.booleans(), st.integers(0, 2), st.floats(0, 1) | st.just(float("nan"))), max_size=30
    )
)
def test_any_input_gives_probabilities(
    rows: list[tuple[float, bool, int, float]],
) -> None:
    holds, has_votes, strata, scores = (np.array(column) for column in zip(*rows, strict=True)) if rows else ([],) * 4
    arrays = np.array(holds, float), np.array(has_votes, bool), np.array(strata, np.int64), np.array(scores, float)
    belief = holds_given_scores(arrays[0], arrays[1], np.array([0.2, 0.5, 0.9]), *arrays[2:])
    assert belief.shape == (len(rows),) and np.all((belief >= 0) & (belief <= 1))
