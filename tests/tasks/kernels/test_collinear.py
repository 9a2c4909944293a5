"""Points planted on a line among others: where they lie, and what is on no line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from reground.tasks.kernels.collinear import between_neighbours, outer_ends

SHARES = np.array([0.05, 0.11, 0.2, 0.32, 0.47, 0.6, 0.8])


def chain(noise: float = 0.0) -> np.ndarray:
    """60 vectors; those from row 60 on lie between rows 0 and 1."""
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(60, 40))
    blends = clean[0] + SHARES[:, None] * (clean[1] - clean[0])
    return np.concatenate([clean, blends + noise * rng.normal(size=blends.shape)])


def test_every_point_of_a_chain_is_on_its_line_and_no_other_is() -> None:
    line = between_neighbours(chain())
    assert line.residual[60:].max() < 1e-3
    assert np.isinf(line.residual[:60]).all()
    assert (line.ends[:60] == -1).all() and np.isnan(line.share[:60]).all()


def test_residual_and_share_are_those_of_the_best_of_all_pairs() -> None:
    """Against a loop over pairs, with all vectors as neighbours."""
    vectors = chain(noise=0.05)
    line = between_neighbours(vectors, k=len(vectors))
    for row in (60, 63, 66):
        others = [other for other in range(len(vectors)) if other != row]
        best = np.inf, -1, -1
        for a, b in itertools.combinations(others, 2):
            way = vectors[b] - vectors[a]
            share = (vectors[row] - vectors[a]) @ way / (way @ way)
            off = np.linalg.norm(vectors[row] - vectors[a] - share * way) / np.linalg.norm(way)
            if min(share, 1 - share) > max(0.02, 2 * off):
                best = min(best, (off, a, b))
        assert line.residual[row] == pytest.approx(best[0], abs=1e-4)
        assert set(line.ends[row].tolist()) == set(best[1:])


def test_the_ends_are_those_of_the_whole_chain() -> None:
    """Mutation: the two neighbours of each, in place of what lies beyond them, are points of the chain."""
    vectors = chain()
    line = between_neighbours(vectors, k=3)
    member = line.residual < 0.1
    assert member[60:].all() and not member[:60].any()
    assert (line.ends[60:] >= 60).any()
    ends = outer_ends(line, vectors, member)
    assert all(set(pair) == {0, 1} for pair in ends[60:].tolist())


def test_near_copies_are_between_nothing() -> None:
    """Mutation: without the condition on the angle a copy with much noise is on a line."""
    rng = np.random.default_rng(1)
    clean = rng.normal(size=(40, 60))
    copies = clean[:30] + 0.04 * rng.normal(size=(30, 60)) + 0.03 * (clean[1:31] - clean[:30])
    line = between_neighbours(np.concatenate([clean, copies]))
    assert np.isinf(line.residual).all()


@pytest.mark.parametrize("vectors", [np.zeros((0, 3)), np.ones((2, 3)), np.ones((5, 3))])
def test_few_or_equal_vectors_are_on_no_line(vectors: np.ndarray) -> None:
    line = between_neighbours(vectors)
    assert np.isinf(line.residual).all() and len(line.residual) == len(vectors)
    assert (outer_ends(line, vectors, np.zeros(len(vectors), np.bool_)) == -1).all()


def test_blocks_do_not_change_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = between_neighbours(chain(noise=0.01))
    monkeypatch.setattr("reground.tasks.kernels.collinear.BLOCK", 7)
    parts = between_neighbours(chain(noise=0.01))
    assert np.array_equal(whole.ends, parts.ends)
    assert np.allclose(whole.residual, parts.residual, atol=1e-6)
