"""Docstrings that the reference is made from: they fit their signatures, and metrics have examples with numbers."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import griffe
import pytest

from tests.support.needs import ROOT

METRICS = [
    "tasks/kernels/agreement.py",
    "tasks/kernels/background_strength.py",
    "tasks/kernels/dawid_skene.py",
    "tasks/kernels/information.py",
    "tasks/kernels/intervals.py",
    "tasks/kernels/joint_truth.py",
    "tasks/kernels/label_probability.py",
    "tasks/kernels/mask_quality.py",
    "tasks/kernels/objects.py",
    "tasks/kernels/paired_tests.py",
    "tasks/kernels/resample.py",
    "tasks/kernels/topk.py",
]
"""Modules whose every public function is a metric or an aggregation."""
ALONE = {
    "tasks/evaluation/metrics.py": "on_photographs",
    "tasks/evaluation/backgrounds.py": "on_variants",
    "tasks/kernels/background_strength.py": "BackgroundStrength",
    "tasks/votes/arrays.py": "selection_frequency",
}
"""Metrics and aggregations beside functions that are none."""
SOURCES = [path for folder in ("tasks", "flows", "annotations") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_metric_and_every_aggregation_has_an_example() -> None:
    functions = {f"{path}:{node.name}": node for path in METRICS for node in _public(ROOT / path, ast.FunctionDef)}
    named = {f"{path}:{name}": _node(ROOT / path, name) for path, name in ALONE.items()}
    assert len(functions) > 20
    assert not [place for place, node in (functions | named).items() if not _has_example(node)]


def test_every_example_stands_in_a_section() -> None:
    """Elsewhere the reference would draw it as a quotation."""
    texts = {
        f"{path.relative_to(ROOT)}:{getattr(node, 'name', '')}": ast.get_docstring(node) or ""
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)
    }
    assert sum(">>>" in text for text in texts.values()) > 30
    assert not [place for place, text in texts.items() if ">>>" in text.partition("Examples:\n")[0]]


def test_docstrings_fit_their_signatures(caplog: pytest.LogCaptureFixture) -> None:
    package = griffe.load("reground", search_paths=[ROOT], docstring_parser="google", resolve_aliases=False)
    with caplog.at_level(logging.WARNING, "griffe"):
        parsed = sum(len(item.docstring.parsed) for item in _items(package) if item.docstring)
    assert parsed > 1000
    assert not caplog.messages


def _public(path: Path, kind: type[ast.FunctionDef] | type[ast.ClassDef]) -> list[ast.FunctionDef | ast.ClassDef]:
    return [
        node for node in ast.parse(path.read_text()).body if isinstance(node, kind) and not node.name.startswith("_")
    ]


def _node(path: Path, name: str) -> ast.FunctionDef | ast.ClassDef:
    both = [*_public(path, ast.FunctionDef), *_public(path, ast.ClassDef)]
    return next(node for node in both if node.name == name)


def _has_example(node: ast.FunctionDef | ast.ClassDef) -> bool:
    section = (ast.get_docstring(node) or "").partition("Examples:\n")[2].splitlines()
    calls = [line for line in section if line.strip().startswith(">>>")]
    return any(node.name in line for line in calls) and any(character.isdigit() for character in "".join(section))


def _items(item: griffe.Object) -> Iterator[griffe.Object]:
    yield item
    for member in item.members.values():
        if not member.is_alias:
            yield from _items(member)  # pyright: ignore[reportArgumentType]
