"""Kinds of suspects by name: built in, or of a plugin."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from reground.tasks.errors import RegroundError
from reground.tasks.plugins import Registry
from reground.tasks.suspects.method import Method

KINDS: Final[dict[str, str]] = {
    "label": "reground.tasks.suspects.label",
    "duplicate": "reground.tasks.suspects.duplicate",
    "leak": "reground.tasks.suspects.leak",
    "outlier": "reground.tasks.suspects.outlier",
    "poison": "reground.tasks.suspects.poison",
    "bridge": "reground.tasks.suspects.bridge",
    "mistake": "reground.tasks.suspects.mistake",
}
"""Kind -> the module whose ``METHOD`` finds it."""


def _check(target: Any) -> Method:
    if not isinstance(target, Method):
        raise TypeError(f"expected a reground.tasks.suspects.Method, got {type(target).__name__}")
    return target


REGISTRY: Final = Registry("reground.suspects", "kind of suspect", KINDS, _check)


def method(kind: str) -> Method:
    """The method of a kind.

    Raises:
        UsageError: no such kind; the message lists all.
        RegroundError: a plugin cannot be imported.
    """
    if kind in KINDS:
        return importlib.import_module(KINDS[kind]).METHOD
    return REGISTRY.load(REGISTRY.find(kind))


def plugin_args(kind: str) -> dict[str, str]:
    """Part of a shard's key that identifies a plugin's method; empty for a built-in kind."""
    return {} if kind in KINDS else {"plugin": REGISTRY.find(kind).origin}


def kind_problems(kinds: Iterable[str]) -> Iterator[str]:
    """Faults in the names of kinds."""
    for kind in kinds:
        try:
            if kind not in KINDS:
                REGISTRY.find(kind)
        except RegroundError as error:
            yield str(error)
