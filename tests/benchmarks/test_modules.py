"""Every benchmark is importable, and says how it is used: renames elsewhere do not break it unseen."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import benchmarks

MODULES = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))


def test_there_are_benchmarks() -> None:
    assert {"structure", "variants", "review"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_is_importable_and_described(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert (module.__doc__ or "").strip()
