"""Previews of values: short, and made in bounded time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reground.tasks.files import preview


def doubled(times: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        doubled(100),
        "a" * 10**7,
        b"a" * 10**7,
        2 ** (10**7),
        -(2 ** (10**7)),
        {2 ** (10**6): [2 ** (10**6)] * 9},
        np.arange(10**6),
        {number: number for number in range(10**5)},
        ("\x1b[31m" * 100,) * 100,
    ],
    ids=range(9),
)
def test_any_value_is_short(value: Any) -> None:
    assert 0 < len(preview(value)) < 500 and preview(value).isprintable()


def test_small_values_are_whole() -> None:
    assert [preview(value) for value in (None, 2**64, "a", [1, {"b": 2}], (0.5,), b"c")] == [
        "None",
        "18446744073709551616",
        "'a'",
        "[1, {'b': 2}]",
        "(0.5,)",
        "b'c'",
    ]
