"""The joint method: against planted truth and plain Dawid-Skene, against experts, and what must hold of any votes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reground.tasks.kernels.dawid_skene import Votes, dawid_skene
from reground.tasks.kernels.joint_truth import JointEstimate, Pairs, joint_truth, shrunk_rates

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Planted:
    """Votes of known origin.

    Attributes:
        votes: no, maybe or yes.
        pairs: what they are about; the first label of each image is its original one.
        holds: ``(N,) bool``, the truth.
        lapsed: ``(V,) bool``, whether each vote was given at random.
    """

    votes: Votes
    pairs: Pairs
    holds: Array
    lapsed: Array


def planted(seed: int, images: int = 300, labels: int = 12, lapses: float = 0.0, hard: bool = True) -> Planted:
    """Four labels an image, five of fifteen annotators each; on every third label most say no, whatever holds."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), 4)
    label = np.argsort(rng.random((images, labels)), axis=1)[:, :4].ravel()
    original = np.tile([1, 0, 0, 0], images)
    holds = rng.random(len(image)) < np.where(original == 1, 0.85, np.where(label % 2 == 0, 0.1, 0.35))
    who = np.argsort(rng.random((images, 15)), axis=1)[:, :5]
    item, annotator = np.repeat(np.arange(len(image)), 5), who[image].ravel()
    easy = np.array([[0.9, 0.06, 0.04], [0.12, 0.18, 0.7]])
    missed = np.array([[0.97, 0.02, 0.01], [0.6, 0.25, 0.15]]) if hard else easy
    chances = np.where((label % 3 == 0)[:, None, None], missed, easy)[item, holds[item].astype(int)]
    lapsed = (rng.random((images, 15)) < lapses)[image[item], annotator]
    chances[lapsed] = [0.4, 0.2, 0.4]
    answer = (rng.random(len(item))[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    return Planted(Votes(item, annotator, answer), Pairs(image, label, original), holds, lapsed)


def share(votes: Votes, items: int) -> Array:
    """Yes and half of the maybes, over all votes; a half where there are none."""
    count = np.bincount(votes.item, minlength=items)
    return np.where(count, np.bincount(votes.item, votes.answer / 2, items) / np.maximum(count, 1), 0.5)


def joint(world: Planted) -> JointEstimate:
    return joint_truth(world.votes, world.pairs, share(world.votes, len(world.holds)))


def plain(world: Planted) -> Array:
    yes = share(world.votes, len(world.holds))
    return dawid_skene(world.votes, np.stack([1 - yes, yes], axis=1), world.pairs.stratum).posterior[:, 1]


def average_precision(score: Array, holds: Array) -> float:
    """Precision at each rank of the pairs that hold, averaged; ties count as one rank."""
    order = np.argsort(-score, kind="stable")
    found, ends = np.cumsum(holds[order]), np.append(np.diff(score[order]) != 0, True)
    gained = np.diff(found[ends], prepend=0)
    return float((gained * found[ends] / (np.flatnonzero(ends) + 1)).sum() / holds.sum())


def surprise(probability: Array, holds: Array) -> float:
    """Mean log loss, in nats."""
    given = np.where(holds, probability, 1 - probability)
    return float(-np.log(np.maximum(given, 1e-6)).mean())


def test_average_precision_by_hand() -> None:
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([0.5, 0.5]), np.array([True, False])) == pytest.approx(0.5)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.2]))
@settings(max_examples=15)
def test_never_worse_than_dawid_skene_where_labels_differ(seed: int, lapses: float) -> None:
    world = planted(seed, lapses=lapses)
    ours, theirs = joint(world), plain(world)
    assert average_precision(ours.log_odds, world.holds) >= average_precision(theirs, world.holds)
    assert ((ours.probability >= 0.5) == world.holds).mean() >= ((theirs >= 0.5) == world.holds).mean()
    assert surprise(ours.probability, world.holds) < surprise(theirs, world.holds)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_hardly_worse_where_dawid_skene_is_the_truth(seed: int) -> None:
    """Its prior still knows more: which labels often hold."""
    world = planted(seed, hard=False)
    ours, theirs = joint(world), plain(world)
    assert average_precision(ours.log_odds, world.holds) >= average_precision(theirs, world.holds) - 0.005


def test_what_is_hard_about_a_label_is_found() -> None:
    world = planted(1, images=3000)
    found = joint(world)
    said_no = found.label_factor[:, 1, 0]
    assert found.converged
    assert said_no[::3].min() > 1.5 > 1.1 > np.delete(said_no, np.s_[::3]).max()


def test_lapses_are_told_from_care() -> None:
    world = planted(2, images=1500, lapses=0.15, hard=False)
    care = joint(world).care
    assert care[~world.lapsed].mean() > 0.95 > 0.85 > care[world.lapsed].mean()
    order = np.argsort(care)[: len(care) // 50]
    assert world.lapsed[order].mean() > 0.9 > 5 * world.lapsed.mean()


def test_a_prior_leaves_its_own_pair_out_and_shrinks() -> None:
    pairs = Pairs(np.arange(4), np.array([0, 0, 0, 1]), np.zeros(4, int))
    belief = np.array([1.0, 0.0, 0.0, 1.0])
    rate = shrunk_rates(belief, pairs, 10.0)
    stratum = (1.0 + 0.5) / (3 + 1)  # the other three hold once; one more as often as all do
    assert rate[0] == pytest.approx((0.0 + 10 * stratum) / (2 + 10))
    assert rate[3] == pytest.approx(stratum)  # nothing else is known of its label
    surer = shrunk_rates(np.array([0.0, 0.0, 0.0, 1.0]), pairs, 10.0)
    assert surer[0] == pytest.approx(rate[0] - 10 / 12 * 0.25 / 4)  # less by what all pairs hold less


@given(st.data())
@settings(max_examples=50)
def test_any_votes_give_probabilities_whatever_their_order(data: st.DataObject) -> None:
    items = data.draw(st.integers(1, 6))
    drawn = st.tuples(st.integers(0, items - 1), st.integers(0, 3), st.integers(0, 2))
    votes = Votes(*np.array(data.draw(st.lists(drawn, min_size=1, max_size=25))).T)
    index = st.lists(st.integers(0, 2), min_size=items, max_size=items).map(np.array)
    pairs = Pairs(data.draw(index), data.draw(index), data.draw(index))
    found = joint_truth(votes, pairs, share(votes, items), iterations=8, tolerance=-1.0)
    for values in (found.probability, found.prior, found.care):
        assert ((values >= 0) & (values <= 1)).all()
    assert np.isfinite(found.log_odds).all() and found.iterations == 8
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1)
    order = np.array(data.draw(st.permutations(range(len(votes.item)))))
    other = Votes(votes.item[order], votes.annotator[order], votes.answer[order])
    again = joint_truth(other, pairs, share(votes, items), iterations=8, tolerance=-1.0)
    np.testing.assert_allclose(again.probability, found.probability, atol=1e-8)


def test_no_votes_are_refused() -> None:
    nothing = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="at least one vote"):
        joint_truth(Votes(nothing, nothing, nothing), Pairs(nothing, nothing, nothing), np.zeros(0))


def test_votes_without_originals_and_with_strange_labels_will_do() -> None:
    world = planted(3)
    blind = replace(world, pairs=replace(world.pairs, stratum=np.zeros(len(world.holds), int)))
    assert average_precision(joint(blind).log_odds, world.holds) >= average_precision(plain(blind), world.holds)
