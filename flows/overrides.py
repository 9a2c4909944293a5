"""Settings as a parameter of flows: a plain dict, with a schema that shows people in Prefect's forms what there is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import TypeAdapter, WithJsonSchema

from reground.flows.settings import SettingField, Settings, fields


def overrides_schema() -> dict[str, Any]:
    """JSON schema of ``{STEP: {FIELD: value}}``. No setting has a default there: a form would send it."""
    schema = _object("overrides of settings; the workspace remembers them")
    for field in fields(Settings):
        *path, name = field.name.split(".")
        inner = schema
        for part in path:
            inner = inner["properties"].setdefault(part, _object(""))
        inner["properties"][name] = _property(field)
    return schema


def _object(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": {}}


def _property(field: SettingField) -> dict[str, Any]:
    default = ",".join(field.default) if field.is_list else field.default
    return {
        **TypeAdapter(field.annotation).json_schema(),
        "description": f"{field.help} Default: {default if default != '' else 'empty'}.",
    }


Overrides = Annotated[dict[str, Any], WithJsonSchema(overrides_schema())]
"""Overrides of settings, ``{STEP: {FIELD: value}}``."""
