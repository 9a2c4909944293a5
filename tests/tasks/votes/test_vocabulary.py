"""The words of a vote are defined once in the project, and nobody spells them out again."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reground.tasks.votes import vocabulary
from tests.support.needs import ROOT

HOME = ROOT / "tasks" / "votes" / "vocabulary.py"
NAMES = {name for name in vars(vocabulary) if name.isupper()}


def defined(tree: ast.AST) -> Iterator[str]:
    """Names that a module assigns at any level."""
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    yield from (name.id for name in stored)


def collections(tree: ast.AST) -> Iterator[set[object]]:
    """Constants of every tuple, list, set and dictionary's keys."""
    for node in ast.walk(tree):
        items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        yield {item.value for item in items if isinstance(item, ast.Constant)}


def second_definitions(source: str) -> set[str]:
    """Names of the vocabulary that a module assigns, and lists of its words that it spells out."""
    tree = ast.parse(source)
    words = [set(vocabulary.ANSWERS), set(vocabulary.QUESTIONS)]
    return {name for name in defined(tree) if name in NAMES} | {
        ", ".join(sorted(each)) for found in collections(tree) for each in words if each <= found
    }


def test_a_second_definition_is_seen() -> None:
    assert second_definitions('CONTAINS, OTHER = "contains", 1') == {"CONTAINS"}
    assert second_definitions('weights = {"no": 0.0, "maybe": 0.5, "yes": 1.0}') == {"maybe, no, yes"}
    assert second_definitions("from reground.tasks.votes import ANSWERS") == set()


def test_the_vocabulary_of_votes_is_defined_once() -> None:
    """The command line spells out choices: its help loads nothing that reads votes."""
    files = [path for folder in ("tasks", "annotations") for path in (ROOT / folder).rglob("*.py") if path != HOME]
    assert len(files) > 100
    again = {str(path.relative_to(ROOT)): second_definitions(path.read_text()) for path in files}
    assert {path: names for path, names in again.items() if names} == {}
