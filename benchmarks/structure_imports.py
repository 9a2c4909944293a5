"""Read a checkout's Python source, and find who imports whom. For ``benchmarks/structure.py``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx

INSTALLED_NAME = "reground"
FOLDERS = ("flows", "tasks", "annotations")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Source(NamedTuple):
    """One file: its path relative to the checkout, its text, its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


Sources = Mapping[str, Source]
"""Files by canonical module name."""


def canonical(name: str) -> str:
    """``reground.tasks.masks`` and ``tasks.masks`` are one module: ``tasks.masks``."""
    inner = name.removeprefix(f"{INSTALLED_NAME}.")
    return inner if inner.partition(".")[0] in FOLDERS else name


def module_name(path: Path) -> str:
    """The module at a path relative to the checkout."""
    parts = path.with_suffix("").parts
    return canonical(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def python_files(*folders: Path) -> list[Path]:
    """Every ``.py`` file in the folders, in order; a file that symbolic links also lead to comes once."""
    return sorted({path.resolve() for folder in folders for path in folder.rglob("*.py")})


def read_sources(root: Path) -> dict[str, Source]:
    """The project's source in a checkout.

    Raises:
        FileNotFoundError: ``root`` holds none of the project's folders.
    """
    root = root.resolve()
    paths = python_files(*(root / folder for folder in (*FOLDERS, INSTALLED_NAME)))
    if not paths:
        raise FileNotFoundError(f"{root}: expected Python source in {'/, '.join(FOLDERS)}/, got none; pass a checkout")
    sources = {}
    for path in paths:
        relative, text = path.relative_to(root), path.read_text()
        sources[module_name(relative)] = Source(relative, text, ast.parse(text, str(path)))
    return sources


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a tree but those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from runtime_nodes(ast.Module(node.orelse, []))
        else:
            yield node
            yield from runtime_nodes(node)


def top_level_names(tree: ast.Module) -> set[str]:
    """The names a module binds at its top level: these it gives to ``from module import name`` itself."""
    names = set()
    for node in runtime_nodes(ast.Module([node for node in tree.body if not isinstance(node, Definition)], [])):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names | {node.name for node in tree.body if isinstance(node, Definition)}


def _import_base(node: ast.ImportFrom, importer: str, is_package: bool) -> str:
    """The module after ``from``, in full also where it is relative."""
    if not node.level:
        return canonical(node.module or "")
    parts = importer.split(".")
    package = parts[: len(parts) - node.level + is_package]
    return ".".join([*package, node.module] if node.module else package)


def imports(importer: str, sources: Sources) -> set[str]:
    """The project's modules that one of them imports, by a statement or by a string that names them."""
    source, names = sources[importer], set()
    for node in runtime_nodes(source.tree):
        if isinstance(node, ast.Import):
            names |= {canonical(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _import_base(node, importer, source.is_package)
            exports = top_level_names(sources[base].tree) if base in sources and base != importer else set()
            for alias in node.names:
                submodule = canonical(f"{base}.{alias.name}")
                names.add(submodule if submodule in sources and alias.name not in exports else base)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            names.add(canonical(node.value.partition(":")[0]))
    return (names & sources.keys()) - {importer}


def package_of(name: str, sources: Sources) -> str:
    """The package that a module lies in; a package lies in itself."""
    return name if sources[name].is_package else name.rpartition(".")[0]


def room_of(name: str, sources: Sources) -> str:
    """A module's package; a module directly in a top-level folder is a room of its own."""
    package = package_of(name, sources)
    return name if package in FOLDERS else package


def inside_of(importer: str, name: str) -> list[str]:
    """The packages that hold a module and not its importer, outermost first."""
    parts = name.split(".")
    ancestors = [".".join(parts[:depth]) for depth in range(1, len(parts))]
    return [package for package in ancestors if not f"{importer}.".startswith(f"{package}.")]


def listed_names(tree: ast.Module) -> set[str]:
    """The names in a module's ``__all__``; none where it has no such list of strings."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def past_a_face(importer: str, name: str, sources: Sources) -> bool:
    """Whether a module lies in another package that does not list it: a face may list whole modules."""
    for package in inside_of(importer, name):
        member = name.removeprefix(f"{package}.").partition(".")[0]
        if package not in FOLDERS and member not in listed_names(sources[package].tree):
            return True
    return False


def import_graph(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> nx.DiGraph:
    """The graph of imports, the same on every run; no node has an edge to itself."""
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(nodes))
    graph.add_edges_from(sorted({(importer, name) for importer, name in edges if importer != name}))
    return graph


def circles(graph: nx.DiGraph) -> list[list[str]]:
    """Nodes that import each other, directly or not; the largest circle first."""
    components = [sorted(nodes) for nodes in nx.strongly_connected_components(graph) if len(nodes) > 1]
    return sorted(components, key=lambda nodes: (-len(nodes), nodes))


def longest_chain(graph: nx.DiGraph) -> list[str]:
    """The longest path of imports, from importer to imported; a circle on it is one entry."""
    condensation = nx.condensation(graph)
    return [" = ".join(sorted(condensation.nodes[node]["members"])) for node in nx.dag_longest_path(condensation)]


def import_numbers(sources: Sources) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Counts of packages and imports, and what the small ones count."""
    edges = [(importer, name) for importer in sources for name in sorted(imports(importer, sources))]
    files = import_graph(sources, edges)
    room = {name: room_of(name, sources) for name in sources}
    rooms = import_graph(room.values(), ((room[importer], room[name]) for importer, name in edges))
    past_face = [edge for edge in edges if past_a_face(*edge, sources)]
    past_top = [
        (importer, name)
        for importer, name in edges
        if inside_of(importer, name) and not sources[name].is_package and package_of(name, sources) in FOLDERS
    ]
    packages = [name for name, source in sources.items() if source.is_package]
    file_chain, room_chain = longest_chain(files), longest_chain(rooms)
    numbers = {
        "packages": len(packages),
        "top_packages": sum("." not in name for name in packages),
        "rooms": len(rooms),
        "file_imports": files.number_of_edges(),
        "room_imports": rooms.number_of_edges(),
        "file_circles": len(circles(files)),
        "room_circles": len(circles(rooms)),
        "file_chain": len(file_chain),
        "room_chain": len(room_chain),
        "past_face": len(past_face),
        "past_top": len(past_top),
    }
    details = {
        "circle of files": [" = ".join(nodes) for nodes in circles(files)],
        "circle of rooms": [" = ".join(nodes) for nodes in circles(rooms)],
        "longest chain of files": [" > ".join(file_chain)],
        "longest chain of rooms": [" > ".join(room_chain)],
        "past a face": [f"{importer} > {name}" for importer, name in past_face],
    }
    return numbers, details
