"""The order of the adversarial search: brute force's verdicts in few passes, whatever the answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reground.tasks.kernels.adversarial_order import REDRAW, SearchOrder

Margins = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass
class Case:
    """A search and the truth about it; a margin below 0 is a fooled model."""

    margins: Margins
    groups: npt.NDArray[np.int64]
    mask: Bools
    width: int
    seed: int

    @property
    def fooled(self) -> Bools:
        return self.margins < 0

    def order(self) -> SearchOrder:
        return SearchOrder(self.groups, self.margins.shape[1], width=self.width, seed=self.seed, mask=self.mask)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    shape = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    # Most foregrounds of most drawn matrices would be fooled by something without a bias.
    bias = draw(st.sampled_from([-20, 0, 5, 9, 20]))
    values = st.integers(-10, 10).map(lambda value: float(value + bias) + 0.5)
    return Case(
        margins=draw(arrays.arrays(np.float64, shape, elements=values)),
        groups=draw(arrays.arrays(np.int64, shape[0], elements=st.integers(-1, 2))),
        mask=draw(arrays.arrays(np.bool_, shape, elements=st.sampled_from([True, True, True, False]))),
        width=draw(st.sampled_from([1, 2, 3, 8, 100])),
        seed=draw(st.integers(0, 3)),
    )


def run(order: SearchOrder, margins: Margins, fooled: Bools) -> list[tuple[int, int]]:
    """Ask and tell until no pairs come; all pairs in the order they came."""
    given_pairs: list[tuple[int, int]] = []
    while True:
        foregrounds, backgrounds = order.next()
        if not len(foregrounds):
            return given_pairs
        given_pairs += zip(foregrounds.tolist(), backgrounds.tolist(), strict=True)
        pairs = foregrounds, backgrounds
        order.observe(*pairs, fooled[pairs], margins[pairs])


def least_possible(fooled: Bools, mask: Bools) -> int:
    return int(np.where((fooled & mask).any(axis=1), 1, mask.sum(axis=1)).sum())


@given(cases())
def test_the_verdicts_are_those_of_brute_force_and_no_pair_comes_twice(case: Case) -> None:
    order = case.order()
    pairs = run(order, case.margins, case.fooled)
    assert order.vulnerable.tolist() == (case.fooled & case.mask).any(axis=1).tolist()
    assert len(set(pairs)) == len(pairs) == order.passes.sum()
    assert all(case.mask[pair] for pair in pairs)
    for foreground, background in enumerate(order.fooled_by):
        assert background == -1 or (case.fooled[foreground, background] and (foreground, background) in pairs)
    robust = ~order.vulnerable
    assert order.passes[robust].tolist() == case.mask.sum(axis=1)[robust].tolist()
    assert order.min_passes == least_possible(case.fooled, case.mask) <= len(pairs)


@given(cases())
def test_one_at_a_time_no_foreground_is_tried_once_it_is_settled(case: Case) -> None:
    case.width = 1
    order = case.order()
    settled: set[int] = set()
    for foreground, background in run(order, case.margins, case.fooled):
        assert foreground not in settled
        if case.fooled[foreground, background]:
            settled.add(foreground)


@given(cases())
def test_a_batch_holds_no_more_guesses_at_a_foreground_than_its_failures_justify(case: Case) -> None:
    order = case.order()
    before = order.passes.copy()
    while len((pairs := order.next())[0]):
        assert len(pairs[0]) <= case.width
        assert (order.passes - before <= 1 + before // REDRAW).all()
        before = order.passes.copy()
        order.observe(*pairs, case.fooled[pairs], case.margins[pairs])


@given(cases(), st.data())
@settings(max_examples=50)
def test_any_answers_at_all_end_in_verdicts_that_follow_from_them(case: Case, data: st.DataObject) -> None:
    order = case.order()
    fooled_by: dict[int, int] = {}
    tried: set[tuple[int, int]] = set()
    while len((pairs := order.next())[0]):
        fooled = [data.draw(st.booleans()) for _ in pairs[0]]
        # Margins that contradict the verdicts, and infinite ones, may cost passes but no verdict.
        margins = [data.draw(st.sampled_from([-np.inf, -1.0, 0.0, 1e30, np.inf])) for _ in pairs[0]]
        order.observe(*pairs, fooled, margins)
        for pair, hit in zip(zip(*(part.tolist() for part in pairs), strict=True), fooled, strict=True):
            assert pair not in tried
            tried.add(pair)
            if hit:
                fooled_by.setdefault(*pair)
    assert {f: int(b) for f, b in enumerate(order.fooled_by) if b >= 0} == fooled_by
    for foreground in set(range(len(case.groups))) - set(fooled_by):
        assert {b for f, b in tried if f == foreground} == set(np.flatnonzero(case.mask[foreground]).tolist())


@given(cases(), st.data())
def test_what_is_known_already_is_not_tried_again(case: Case, data: st.DataObject) -> None:
    observed_pairs = data.draw(arrays.arrays(np.bool_, case.margins.shape))
    order = case.order()
    order.warm_start(case.fooled, np.where(observed_pairs, case.margins, np.nan))
    pairs = run(order, case.margins, case.fooled)
    assert order.vulnerable.tolist() == (case.fooled & case.mask).any(axis=1).tolist()
    assert not any(observed_pairs[pair] for pair in pairs)
    settled = (case.fooled & case.mask & observed_pairs).any(axis=1)
    assert not order.passes[settled].any()
    assert order.min_passes == least_possible(case.fooled[~settled], (case.mask & ~observed_pairs)[~settled])


@given(cases(), st.integers(1, 4))
def test_pairs_may_be_asked_for_before_the_last_are_answered(case: Case, ahead: int) -> None:
    order = case.order()
    waiting: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]] = []
    while True:
        if len((pairs := order.next())[0]):
            waiting.append(pairs)
        elif not waiting:
            break
        if len(waiting) > ahead or not len(pairs[0]):
            observed = waiting.pop(0)
            order.observe(*observed, case.fooled[observed], case.margins[observed])
    assert order.vulnerable.tolist() == (case.fooled & case.mask).any(axis=1).tolist()


@given(cases())
@settings(max_examples=30)
def test_the_same_answers_give_the_same_pairs(case: Case) -> None:
    earlier = np.where(case.mask, case.margins, np.nan)
    searches = []
    for _ in range(2):
        order = case.order()
        order.learn(case.groups, earlier)
        searches.append(run(order, case.margins, case.fooled))
    assert searches[0] == searches[1]


def landscape(count: int, seed: int) -> tuple[Margins, npt.NDArray[np.int64]]:
    """Margins as networks give them: foregrounds of very different levels, a few strong backgrounds, groups
    that some backgrounds suit, and noise of about the strengths' size; 70 to 80 % vulnerable.
    """
    random = np.random.default_rng(seed)
    groups = random.integers(0, 9, count)
    level = 4.0 + 3.5 * random.standard_normal((count, 1))
    strength = random.standard_t(5, count) + 0.5 * random.standard_normal((9, count))[groups]
    return level - strength + 0.7 * random.standard_normal((count, count)), groups


def test_nothing_to_try_is_no_pairs() -> None:
    for foregrounds, backgrounds in (0, 3), (3, 0), (0, 0):
        order = SearchOrder(np.zeros(foregrounds, np.int64), backgrounds, width=4)
        assert [part.tolist() for part in order.next()] == [[], []]
        assert not order.vulnerable.any() and order.min_passes == 0


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match=r"width from 1 up and pairs \(2, 3\), got 0 and None"):
        SearchOrder([0, 0], 3, width=0)
    with pytest.raises(ValueError, match=r"pairs \(2, 3\), got 1 and \(3, 2\)"):
        SearchOrder([0, 0], 3, width=1, mask=np.ones((3, 2), np.bool_))
    order = SearchOrder([0, 0], 3, width=2)
    with pytest.raises(ValueError, match="pairs that `next` gave"):
        order.observe([0], [0], [True], [-1.0])
    foregrounds, backgrounds = order.next()
    with pytest.raises(ValueError, match="each once"):
        order.observe(foregrounds[[0, 0]], backgrounds[[0, 0]], [True, True], [-1.0, -1.0])
    with pytest.raises(ValueError, match="numbers"):
        order.observe(foregrounds[:1], backgrounds[:1], [True], [np.nan])
    order.observe(foregrounds[:1], backgrounds[:1], [True], [-1.0])
    with pytest.raises(ValueError, match="not told yet"):
        order.observe(foregrounds[:1], backgrounds[:1], [True], [-1.0])
    with pytest.raises(ValueError, match="before the first pairs"):
        order.warm_start(np.zeros((2, 3), np.bool_), np.full((2, 3), np.nan))


def ratio(margins: Margins, groups: npt.NDArray[np.int64], width: int, seed: int = 0) -> float:
    order = SearchOrder(groups, margins.shape[1], width=width, seed=seed)
    run(order, margins, margins < 0)
    return float(order.passes.sum()) / order.min_passes


def in_step(margins: Margins, backgrounds: npt.NDArray[np.intp]) -> float:
    """As `ratio`, of all foregrounds trying the same backgrounds in one order, one pass at a time."""
    fooled = (margins < 0)[:, backgrounds]
    passes = np.where(fooled.any(axis=1), fooled.argmax(axis=1) + 1, len(backgrounds))
    return float(passes.sum()) / least_possible(fooled, np.ones_like(fooled))


@pytest.mark.parametrize("width", [1, 8, 128])
def test_a_learned_order_stays_near_the_least_possible(width: int) -> None:
    margins, groups = landscape(160, seed=1)
    assert 0.7 < (margins < 0).any(axis=1).mean() < 0.8
    assert in_step(margins, np.arange(160)) > 1.3
    assert ratio(margins, groups, width) <= 1.12


def test_earlier_foregrounds_teach_the_order_of_later_ones() -> None:
    margins, groups = landscape(160, seed=2)
    earlier, later = slice(0, 120), slice(120, 160)
    passes = []
    for learned in (margins[:0], margins[earlier]):
        order = SearchOrder(groups[later], 160, width=8)
        order.learn(groups[: len(learned)], learned)
        run(order, margins[later], margins[later] < 0)
        passes.append(int(order.passes[order.vulnerable].sum()))
    assert passes[1] < 0.7 * passes[0]


def test_verdicts_alone_still_teach_an_order() -> None:
    margins, groups = landscape(160, seed=1)
    order = SearchOrder(groups, 160, width=8)
    run(order, np.where(margins < 0, -1.0, 1.0), margins < 0)
    assert order.passes.sum() / order.min_passes <= 1.2
