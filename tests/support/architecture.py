"""Rules of the architecture, as functions from the modules of a package to what breaks them.

A room is a package, or a few files, that other rooms use through its face: the names in the ``__all__``
of its ``__init__``. Rooms lie on floors, and import only from the floors below.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from tests.support.imports import Source, annotations, defined, within

Floors = Sequence[Collection[str]]
"""Rooms from the top floor to the bottom, each named as a module without the name of the whole package."""


def room_of(source: Source, module: str, floors: Floors) -> str | None:
    """The innermost room that a module lies in; None: none."""
    inner = module.removeprefix(source.name).removeprefix(".")
    rooms = [room for floor in floors for room in floor if not room or within(inner, room)]
    return max(rooms, key=len, default=None)


def homeless(source: Source, floors: Floors) -> set[str]:
    """Modules that lie in no room."""
    return {module for module in source.files if room_of(source, module, floors) is None}


def arrows_up(source: Source, floors: Floors) -> set[str]:
    """Imports from a room on the same floor or above."""
    floor_of = {room: number for number, floor in enumerate(floors) for room in floor}
    return {
        f"{importer} -> {imported}"
        for importer, room, imported, target in _between_rooms(source, floors)
        if floor_of[room] >= floor_of[target]
    }


def past_faces(source: Source, floors: Floors, faceless: Collection[str]) -> set[str]:
    """Imports from within a room that has a face."""
    return {
        f"{importer} -> {imported}"
        for importer, _, imported, target in _between_rooms(source, floors)
        if target not in faceless and imported != f"{source.name}.{target}"
    }


def _between_rooms(source: Source, floors: Floors) -> Iterable[tuple[str, str, str, str]]:
    """(importer, its room, imported, its room)."""
    for importer, imports in source.imports.items():
        room = room_of(source, importer, floors)
        for imported in imports:
            target = room_of(source, imported, floors) if within(imported, source.name) else None
            if room is not None and target is not None and room != target:
                yield importer, room, imported, target


def circle(source: Source) -> list[str]:
    """Modules of which each imports the next, and the last is the first; empty: there is none."""
    return _circle({importer: imports & source.files.keys() for importer, imports in source.imports.items()})


def circle_of_rooms(source: Source, floors: Floors) -> list[str]:
    """As `circle`, of rooms."""
    graph: dict[str, set[str]] = {}
    for _, room, _, target in _between_rooms(source, floors):
        graph.setdefault(room, set()).add(target)
    return _circle(graph)


def _circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    others = {node: [other for other in targets if other != node] for node, targets in graph.items()}
    try:
        graphlib.TopologicalSorter(others).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def without_face(source: Source, floors: Floors, faceless: Collection[str]) -> set[str]:
    """Rooms that are packages, and have no ``__all__``."""
    rooms = {f"{source.name}.{room}" for floor in floors for room in floor if room not in faceless}
    packages = {name for name, path in source.files.items() if path.name == "__init__.py"}
    return (rooms & packages) - source.exports.keys()


def undefined_exports(source: Source) -> set[str]:
    """Names in an ``__all__`` that the package does not define, and that are none of its modules."""
    return {
        f"{package}.{name}"
        for package, names in source.exports.items()
        for name in set(names) - defined(source.trees[package])
        if f"{package}.{name}" not in source.files
    }


def unused_exports(source: Source, others: Iterable[Path]) -> set[str]:
    """Names in an ``__all__`` that no module outside the package uses, and no file of ``others`` names.

    The type of what an exported function takes or returns is used with the function.
    """
    words = {word for path in others for word in re.findall(r"\w+", path.read_text())}
    used = {name for importer, tree in source.trees.items() for name in _used(importer, tree, source)}
    return {
        f"{package}.{name}"
        for package, names in source.exports.items()
        for name in set(names) - words - annotations(source, package)
        if f"{package}.{name}" not in used
    }


def _used(importer: str, tree: ast.Module, source: Source) -> Iterable[str]:
    """PACKAGE.NAME of what a module outside a package takes from it: by import, by attribute or in a string."""
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if not within(importer, node.module):
                    yield from (node.module, f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace(":", ".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package = aliases.get(node.value.id)
            if package in source.exports and not within(importer, package):
                yield f"{package}.{node.attr}"


def parsers(source: Source, calls: Collection[str], modules: Collection[str]) -> set[str]:
    """Modules that call one of ``calls`` (as ``json.loads``), or import one of ``modules``."""
    return {
        name
        for name, tree in source.trees.items()
        if any(isinstance(node, ast.Call) and ast.unparse(node.func) in calls for node in ast.walk(tree))
        or source.imports[name] & set(modules)
    }


def orphan_tests(source_root: Path, tests_root: Path, folders: Iterable[str]) -> set[str]:
    """Packages of tests that mirror no package of the source."""
    return _packages(tests_root, folders) - _packages(source_root, folders)


def untested_packages(source_root: Path, tests_root: Path, folders: Iterable[str]) -> set[str]:
    """Packages of the source that no package of tests mirrors."""
    return _packages(source_root, folders) - _packages(tests_root, folders)


def _packages(root: Path, folders: Iterable[str]) -> set[str]:
    return {str(path.parent.relative_to(root)) for folder in folders for path in (root / folder).rglob("__init__.py")}
