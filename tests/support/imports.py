"""Which module imports which, read from the source: wherever an import stands, and whatever it hides behind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path

MODULE = re.compile(r"(\w+(?:\.\w+)+)(?::\w+)?")
"""A module in a string: alone, or before the colon of an attribute."""


@dataclass(frozen=True)
class Source:
    """The modules of a package, parsed.

    Attributes:
        name: of the package.
        files: module -> its file.
    """

    name: str
    files: Mapping[str, Path]

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        return {name: ast.parse(path.read_text(), str(path)) for name, path in self.files.items()}

    @cached_property
    def exports(self) -> dict[str, list[str]]:
        """Package -> names in its ``__all__``, of the packages that have one."""
        packages = {name: self.trees[name] for name, path in self.files.items() if path.name == "__init__.py"}
        return {name: names for name, tree in packages.items() if (names := _exports(tree)) is not None}

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """Module -> all modules that it imports or names in a string, lazily too, but not for type checkers alone."""
        return {name: set(self._imports(name, tree)) for name, tree in self.trees.items()}

    def resolve(self, importer: str, module: str, name: str) -> str:
        """What ``from module import name`` imports: a submodule, unless the package gives that name to others."""
        submodule = f"{module}.{name}"
        if submodule not in self.files:
            return module
        return submodule if within(importer, module) or name not in defined(self.trees[module]) else module

    def _imports(self, importer: str, node: ast.AST) -> Iterator[str]:
        children = ast.iter_child_nodes(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            children = iter(node.orelse)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = self._absolute(importer, node)
            yield from (self.resolve(importer, module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call):
            yield from self._call(importer, node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from self._string(node.value)
        for child in children:
            yield from self._imports(importer, child)

    def _absolute(self, importer: str, node: ast.ImportFrom) -> str:
        return resolve_name("." * node.level + (node.module or ""), self._package(importer))

    def _package(self, module: str) -> str:
        return module if self.files[module].name == "__init__.py" else module.rpartition(".")[0]

    def _call(self, importer: str, call: ast.Call) -> Iterator[str]:
        """What `_string` does not see: a relative name, one with only one part, or one that begins with a module."""
        match call:
            case ast.Call(args=[ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]), *_]):
                yield from self._string(start.rpartition(".")[0])
            case ast.Call(func=ast.Name("import_module") | ast.Attribute(attr="import_module"), args=[name, *package]):
                if isinstance(name, ast.Constant):
                    known = package[0].value if package and isinstance(package[0], ast.Constant) else None
                    yield resolve_name(str(name.value), known or self._package(importer))
            case ast.Call(func=ast.Name("__import__"), args=[ast.Constant(value=str(name)), *_]):
                yield name

    def _string(self, text: str) -> Iterator[str]:
        match = MODULE.fullmatch(text)
        if match and (module := self._known(match[1])):
            yield module

    def _known(self, name: str) -> str | None:
        """The module that a dotted name is, or that it is an attribute of."""
        parent = name.rpartition(".")[0]
        return name if name in self.files else parent if parent.count(".") and parent in self.files else None


def read_source(root: Path, name: str) -> Source:
    """The modules of the package ``name`` in ``root``; links to folders are followed."""
    files = {}
    for path in _python_files(root / name):
        parts = path.relative_to(root).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return Source(name, files)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _python_files(path)
        elif path.suffix == ".py":
            yield path


def _exports(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> set[str]:
    """Names that a module binds, or gives by its ``__getattr__`` from a table."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    if "__getattr__" in names:
        tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
        names |= {key.value for table in tables for key in table.keys if isinstance(key, ast.Constant)}
    return names


def annotations(source: Source, package: str) -> set[str]:
    """Words in the annotations of a package's functions and fields."""
    trees = [tree for name, tree in source.trees.items() if within(name, package)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = [ast.unparse(node.returns) for node in nodes if isinstance(node, ast.FunctionDef) and node.returns]
    texts += [
        ast.unparse(node.annotation) for node in nodes if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation
    ]
    return set(re.findall(r"\w+", " ".join(texts)))
