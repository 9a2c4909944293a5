"""Recipes of imported predictions are any text: their fields, or the text."""

from __future__ import annotations

import pytest

from reground.tasks.report.models import parsed


@pytest.mark.parametrize(
    ("recipe", "fields"),
    [
        ('{"weights": "v1", "seed": 3}', {"weights": "v1", "seed": "3"}),
        ("resnet50", {"recipe": "resnet50"}),
        ("[1]", {"recipe": "[1]"}),
        ("[" * 100_000, {"recipe": "[" * 100_000}),
        ('{"a": ' + "[" * 400 + "]" * 400 + "}", {"a": "[[[...]]]"}),
    ],
    ids=range(5),
)
def test_recipes(recipe: str, fields: dict[str, str]) -> None:
    assert parsed(recipe) == fields
