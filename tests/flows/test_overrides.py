"""Prefect's forms know every setting, its choices and its bounds, and send only what a person fills in."""

from __future__ import annotations

from typing import Any

import pytest

from reground.flows import steps
from reground.flows.overrides import overrides_schema
from reground.flows.registry import FLOWS, find_flow
from reground.flows.settings import Settings, fields
from reground.tasks.export import REGISTRY
from reground.tasks.schema import ImageState


def described(schema: dict[str, Any], name: str) -> dict[str, Any]:
    for part in name.split("."):
        schema = schema["properties"][part]
    return schema


def test_every_setting_is_described_without_a_default() -> None:
    schema = overrides_schema()
    for field in fields(Settings):
        found = described(schema, field.name)
        assert found["description"].startswith(field.help) and "default" not in found
    assert described(schema, "variants.fill")["enum"] == ["tile", "inpaint"]
    assert described(schema, "variants.compose")["items"]["enum"] == ["mask", "published"]
    assert described(schema, "review.exclude.min_gold_accuracy")["maximum"] == 1


@pytest.mark.parametrize("name", [*FLOWS, *steps.MODULES])
def test_the_form_of_every_flow_has_them(name: str) -> None:
    parameters = find_flow(name).parameters
    assert overrides_schema() in parameters.properties["settings"]["anyOf"]


def test_the_form_of_an_export_lists_formats_and_states() -> None:
    properties = find_flow("export").parameters.properties
    assert properties["format"]["enum"] == list(REGISTRY.names())
    assert properties["only"]["enum"] == ["", *ImageState]
