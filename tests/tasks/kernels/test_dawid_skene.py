"""Dawid-Skene: against crowd-kit, against planted truth, and what must hold of any votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.kernels.dawid_skene import DawidSkeneEstimate, Votes, dawid_skene
from tests.support.needs import need_package

Array = np.ndarray[Any, np.dtype[Any]]


def planted(
    seed: int, items: int, annotators: int, confusion: Array, prior: Array, each: int = 5
) -> tuple[Votes, Array]:
    """Votes of ``each`` annotators on every thing, drawn from the model, and the true states."""
    rng = np.random.default_rng(seed)
    states = rng.choice(len(prior), items, p=prior)
    who = np.argsort(rng.random((items, annotators)), axis=1)[:, :each]
    item = np.repeat(np.arange(items), each)
    cumulative = confusion.cumsum(axis=-1)[who.ravel(), states[item]]
    answer = (rng.random(len(item))[:, None] > cumulative).sum(axis=1)
    return Votes(item, who.ravel(), answer), states


def shares(votes: Votes, items: int, states: int) -> Array:
    """How often each answer was given, as a first guess where states are as many as answers."""
    start = np.zeros((items, states))
    np.add.at(start, (votes.item, votes.answer), 1)
    return start / start.sum(axis=1, keepdims=True)


def random_votes(data: st.DataObject, answers: int = 3) -> tuple[Votes, Array]:
    items, annotators = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    one = st.tuples(st.integers(0, items - 1), st.integers(0, annotators - 1), st.integers(0, answers - 1))
    drawn = np.array(data.draw(st.lists(one, min_size=1, max_size=30)))
    yes = np.array(data.draw(st.lists(st.floats(0.05, 0.95), min_size=items, max_size=items)))
    return Votes(*drawn.T), np.stack([1 - yes, yes], axis=1)


@pytest.mark.parametrize("states", [2, 3])
def test_the_arithmetic_is_crowd_kits(states: int) -> None:
    need_package("crowdkit")
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    skill = np.random.default_rng(1).uniform(0.5, 0.95, 12)
    right = np.eye(states)[None] * skill[:, None, None]
    confusion = right + (1 - np.eye(states)) * ((1 - skill) / (states - 1))[:, None, None]
    votes, _ = planted(2, 300, 12, confusion, np.full(states, 1 / states))
    frame = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.answer})
    theirs = DawidSkene(n_iter=30, tol=-1e9).fit(frame)  # by default it stops after two iterations
    ours = dawid_skene(votes, shares(votes, 300, states), smoothing=0.0, tolerance=-1.0, iterations=30)
    probability = theirs.probas_.sort_index()[list(range(states))].to_numpy()
    np.testing.assert_allclose(ours.posterior, probability, atol=1e-5)
    errors = theirs.errors_.sort_index()[list(range(states))].to_numpy().reshape(12, states, states).transpose(0, 2, 1)
    again = dawid_skene(votes, shares(votes, 300, states), smoothing=0.0, tolerance=-1.0, iterations=31)
    np.testing.assert_allclose(again.confusion, errors, atol=1e-5)


def test_planted_truth_and_skills_are_found_with_more_answers_than_states() -> None:
    rng = np.random.default_rng(3)
    confusion = np.stack([rng.dirichlet([8, 1, 1], 20), rng.dirichlet([1, 2, 7], 20)], axis=1)
    votes, states = planted(4, 4000, 20, confusion, np.array([0.7, 0.3]))
    yes = np.bincount(votes.item, votes.answer / 2) / 5
    found = dawid_skene(votes, np.stack([1 - yes, yes], axis=1))
    assert found.converged
    assert (found.posterior.argmax(axis=1) == states).mean() > 0.97
    np.testing.assert_allclose(found.confusion, confusion, atol=0.08)
    np.testing.assert_allclose(found.prior, [[0.7, 0.3]], atol=0.02)


def test_groups_have_priors_of_their_own() -> None:
    confusion = np.tile([[0.7, 0.3], [0.3, 0.7]], (6, 1, 1))
    rare, _ = planted(5, 3000, 6, confusion, np.array([0.95, 0.05]))
    common, _ = planted(6, 3000, 6, confusion, np.array([0.2, 0.8]))
    votes = join(rare, Votes(common.item + 3000, common.annotator, common.answer))
    found = dawid_skene(votes, shares(votes, 6000, 2), np.repeat([0, 1], 3000))
    np.testing.assert_allclose(found.prior[:, 1], [0.05, 0.8], atol=0.03)


def fields(votes: Votes) -> tuple[Array, Array, Array]:
    return votes.item, votes.annotator, votes.answer


@given(st.data(), st.sampled_from([0.0, 0.01, 1.0]))
def test_the_objective_never_falls_and_probabilities_sum_to_one(data: st.DataObject, smoothing: float) -> None:
    votes, start = random_votes(data)
    found = dawid_skene(votes, start, smoothing=smoothing, tolerance=1e-12, iterations=60)
    steps = np.diff(found.objective)
    assert (steps >= -1e-9 * (1 + np.abs(found.objective[1:]))).all()
    for name in ("posterior", "confusion", "prior"):
        values = getattr(found, name)
        assert (values >= 0).all()
        np.testing.assert_allclose(values.sum(axis=-1), 1)


@given(st.data())
def test_order_and_names_do_not_matter(data: st.DataObject) -> None:
    drawn, start = random_votes(data)
    annotators = int(drawn.annotator.max()) + 1
    votes = join(drawn, every_cell(annotators))
    order, thing_to, who_to, answer_to = (
        np.array(data.draw(st.permutations(range(n)))) for n in (len(votes.item), len(start), annotators, 3)
    )
    renamed = Votes(thing_to[votes.item][order], who_to[votes.annotator][order], answer_to[votes.answer][order])
    moved = np.empty_like(start)
    moved[thing_to] = start
    plain, other = run(votes, start), run(renamed, moved)
    np.testing.assert_allclose(other.posterior[thing_to], plain.posterior, atol=1e-9)
    np.testing.assert_allclose(other.confusion[who_to][:, :, answer_to], plain.confusion, atol=1e-9)


def join(first: Votes, second: Votes) -> Votes:
    return Votes(*(np.concatenate(pair) for pair in zip(fields(first), fields(second), strict=True)))


def every_cell(annotators: int) -> Votes:
    """A vote of every annotator with every answer, so that renaming leaves the shapes alone."""
    who, answer = np.divmod(np.arange(annotators * 3), 3)
    return Votes(np.zeros_like(who), who, answer)


@given(st.data())
def test_states_trade_places_with_their_first_guess(data: st.DataObject) -> None:
    votes, start = random_votes(data)
    plain, swapped = run(votes, start), run(votes, start[:, ::-1])
    np.testing.assert_allclose(swapped.posterior[:, ::-1], plain.posterior, atol=1e-9)
    np.testing.assert_allclose(swapped.confusion[:, ::-1], plain.confusion, atol=1e-9)


def run(votes: Votes, start: Array) -> DawidSkeneEstimate:
    return dawid_skene(votes, start, tolerance=-1.0, iterations=5)


def test_a_thing_without_votes_has_its_prior() -> None:
    votes = Votes(np.array([0, 0]), np.array([0, 1]), np.array([1, 1]))
    found = dawid_skene(votes, np.array([[0.3, 0.7], [0.5, 0.5]]))
    np.testing.assert_allclose(found.posterior[1], found.prior[0], atol=0.05)


def test_it_says_whether_it_converged() -> None:
    votes, _ = planted(7, 200, 5, np.tile([[0.8, 0.2], [0.3, 0.7]], (5, 1, 1)), np.array([0.5, 0.5]))
    start = shares(votes, 200, 2)
    assert not dawid_skene(votes, start, iterations=2).converged
    assert len(dawid_skene(votes, start, iterations=2).objective) == 2
    assert dawid_skene(votes, start).converged


def test_no_votes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        dawid_skene(Votes(*(np.zeros(0, np.int64) for _ in range(3))), np.full((1, 2), 0.5))
