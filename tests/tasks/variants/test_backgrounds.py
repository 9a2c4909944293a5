"""The cache of backgrounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from reground.tasks.variants.backgrounds import ArrayCache


def test_the_cache_evicts_the_least_recently_used_beyond_its_bytes():
    cache, made = ArrayCache(3 * 100), []

    def get(name: str) -> np.ndarray:
        def make() -> np.ndarray:
            made.append(name)
            return np.zeros(100, np.uint8)

        return cache.get((name,), make)

    for name in "abcadab":
        get(name)
    assert made == ["a", "b", "c", "d", "b"]  # d pushed b out, not a; the second b pushed c
    with pytest.raises(ValueError, match="read-only"):
        get("a")[0] = 1


def test_threads_may_share_the_cache():
    cache = ArrayCache(5 * 8)
    keys = np.random.default_rng(0).integers(0, 12, 4000).tolist()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: int(cache.get((key,), lambda: np.full(1, key))[0]), keys))
    assert found == keys
    assert cache._bytes == 8 * len(cache._arrays) <= 5 * 8
