"""What the Python source is made of: packages, imports, circles, functions, names. Reads it, imports none of it.

``python -m benchmarks.structure [ROOT]`` measures the checkout at ROOT (default: this one), whether it
imports its folders as ``tasks.x`` or as ``reground.tasks.x``; ``--names`` lists each unclear name with
file and line instead.

Imports between the files of flows/, tasks/, annotations/ and reground/:

- ``packages``: directories with an ``__init__.py``, ``top_packages`` of them at the top. ``rooms``:
  packages, and modules directly in flows/, tasks/ or annotations/, each a room of its own.
- ``file_imports``, ``room_imports``: distinct pairs of importer and imported. An import counts wherever
  it stands, inside functions too, but not under ``if TYPE_CHECKING``. A string that is a module's name,
  as in ``import_module("tasks.masks")`` or ``{"run": "flows.run:main"}``, is an import; one put
  together at run time is not seen. ``import tasks.masks`` counts for that file, not for the
  ``__init__.py`` of the packages around it.
- ``file_circles``, ``room_circles``: strongly connected components of more than one node.
- ``file_chain``, ``room_chain``: nodes on the longest path; a circle is one node.
- ``past_face``: file imports of a module inside a package that the importer is outside of, unless the
  package lists that module in ``__all__``.
  ``past_top``: the same for modules directly in a top-level folder; not in ``past_face``.

Functions (``def``, methods and nested ones too; no lambda):

- ``body_median``, ``body_p90``: lines from the first statement to the last, nested functions included;
  without blank lines, lines that are only a comment, and docstrings.
- ``parameters_typed`` (all but ``self`` and ``cls``), ``returns_typed``: share with an annotation.
- ``untyped_rows``: functions with ``dict[str, Any]`` or ``Mapping[str, Any]`` in an annotation, also
  through an alias such as ``Row = dict[str, Any]``.
- ``names``: places where a parameter is declared or a local name is bound, comprehensions included;
  ``unclear_names``: share of them that is a participle, preposition or pronoun: a word of
  ``UNCLEAR``, or one word that ends in "ed" and is not in ``FIELD_TERMS``.

``tests_to_source``: lines of tests/ to lines of source. ``doctests``: source lines that start with ``>>>``.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import record
from benchmarks.structure_imports import Source, Sources, import_numbers, python_files, read_sources

PROJECT = Path(__file__).resolve().parents[1]
MAX_LINES = 300
MOST_COMMON = 10
UNTYPED_ROWS = re.compile(r"\b([dD]ict|(Mutable)?Mapping)\[str, Any\]")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.Module | ast.ClassDef | Function

PARTICIPLES = (
    "begun bought brought built caught chosen come cut dealt done drawn driven fallen felt forgotten found given gone "
    "got grown heard held hidden kept known laid led lent lost made meant met paid put said seen sent shown sold "
    "spent stood taken taught thought told torn understood unwritten woken won worn written"
)
PREPOSITIONS = (
    "about across against along among around at behind beneath beside between beyond by down during for from in into "
    "near of off on onto over past since through till to toward under until up upon via with within without"
)
PRONOUNS = (
    "anybody anyone anything both each either everybody everyone everything he her him his how it its neither nobody "
    "nothing one others ours somebody someone something that theirs them these they this those us we what when where "
    "which who whom whose why"
)
UNCLEAR = frozenset(f"deep {PARTICIPLES} {PREPOSITIONS} {PRONOUNS}".split())
NOUNS = "bed embed feed need red seed shed speed"
TERMS = "expected fixed indexed masked nested padded predicted required selected shared supplied typed unused weighted"
FIELD_TERMS = frozenset(f"{NOUNS} {TERMS}".split())


def functions(source: Source) -> list[Function]:
    return [node for node in ast.walk(source.tree) if isinstance(node, Function)]


def code_lines(source: Source) -> set[int]:
    """Numbers of the lines that are not blank, only a comment or part of a docstring."""
    lines = {
        number
        for number, line in enumerate(source.text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    for node in ast.walk(source.tree):
        if isinstance(node, Definition) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines


def body_lengths(source: Source) -> list[int]:
    """Lines of code in the body of each function; 0 for one of a docstring alone."""
    lines = code_lines(source)
    return [len(lines & set(range(first_line(node.body[0]), (node.end_lineno or 0) + 1))) for node in functions(source)]


def first_line(node: ast.stmt) -> int:
    """Where a statement starts, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def parameters(function: Function) -> list[ast.arg]:
    """All parameters but ``self`` and ``cls``."""
    signature = function.args
    variadic = [argument for argument in (signature.vararg, signature.kwarg) if argument]
    arguments = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs, *variadic]
    return [argument for argument in arguments if argument.arg not in ("self", "cls")]


def row_aliases(source: Source) -> set[str]:
    """Module-level names for ``dict[str, Any]`` and the like."""
    aliases = set()
    for node in source.tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Subscript | ast.BinOp) and UNTYPED_ROWS.search(ast.unparse(value)):
            aliases |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and _is_store(name)}
    return aliases


def _is_store(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def takes_untyped_rows(function: Function, aliases: set[str]) -> bool:
    """Whether a parameter or the return value is annotated so, directly or by an alias."""
    annotations = [argument.annotation for argument in parameters(function)] + [function.returns]
    texts = [ast.unparse(annotation) for annotation in annotations if annotation]
    return any(UNTYPED_ROWS.search(text) or aliases & set(re.findall(r"\w+", text)) for text in texts)


def import_names(source: Source) -> set[str]:
    """The names that a file takes from other files."""
    return {alias.name for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


def name_bindings(tree: ast.AST, is_local: bool = False) -> Iterator[tuple[str, int]]:
    """Every parameter and local name with the line that declares or binds it, ``self`` too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif is_local and isinstance(node, ast.Name) and _is_store(node):
            yield node.id, node.lineno
        elif is_local and isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name, node.lineno
        yield from name_bindings(node, _opens_scope(node) or (is_local and not isinstance(node, ast.ClassDef)))


def local_names(source: Source) -> list[tuple[str, int]]:
    """``name_bindings`` of a file in order of lines, without ``self``, ``cls`` and ``_``."""
    bindings = sorted(name_bindings(source.tree), key=lambda binding: binding[1])
    return [(name, line) for name, line in bindings if name not in ("self", "cls", "_")]


def _opens_scope(node: ast.AST) -> bool:
    return isinstance(node, Function | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)


def is_unclear(name: str) -> bool:
    """Whether a name is a participle, preposition or pronoun that says nothing of what it holds."""
    word = name.strip("_").lower()
    return word in UNCLEAR or (word.endswith("ed") and "_" not in word and word not in FIELD_TERMS)


def unclear_bindings(sources: Sources) -> list[tuple[str, Path, int]]:
    """Name, file and line of each unclear one, in order of files."""
    return [
        (name, source.path, line)
        for source in sources.values()
        for name, line in local_names(source)
        if is_unclear(name)
    ]


def untyped_functions(sources: Sources) -> int:
    """How many functions pass untyped rows; an alias from another file is known by its name alone."""
    aliases = {module: row_aliases(source) for module, source in sources.items()}
    shared = set().union(*aliases.values())
    return sum(
        takes_untyped_rows(function, aliases[module] | (shared & import_names(source)))
        for module, source in sources.items()
        for function in functions(source)
    )


def function_numbers(sources: Sources) -> dict[str, Any]:
    """Counts of functions, their lengths and annotations; a share of nothing is not a number."""
    bodies = [length for source in sources.values() for length in body_lengths(source)]
    all_functions = [function for source in sources.values() for function in functions(source)]
    typed = [argument.annotation is not None for function in all_functions for argument in parameters(function)]
    return {
        "functions": len(all_functions),
        "body_median": float(np.median(bodies)) if bodies else math.nan,
        "body_p90": float(np.percentile(bodies, 90)) if bodies else math.nan,
        "parameters_typed": share(typed),
        "returns_typed": share(function.returns is not None for function in all_functions),
        "untyped_rows": untyped_functions(sources),
    }


def share(flags: Iterable[bool]) -> float:
    flags = list(flags)
    return sum(flags) / len(flags) if flags else math.nan


def measure(root: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The numbers of a checkout, and the places behind those that should be small."""
    sources = read_sources(root)
    lengths = {source.path: len(source.text.splitlines()) for source in sources.values()}
    long_files = [f"{path} {length}" for path, length in lengths.items() if length > MAX_LINES]
    lines = sum(lengths.values())
    test_lines = sum(len(path.read_text().splitlines()) for path in python_files(root / "tests"))
    doctests = sum(line.lstrip().startswith(">>>") for source in sources.values() for line in source.text.splitlines())
    names = sum(len(local_names(source)) for source in sources.values())
    unclear = Counter(name for name, _, _ in unclear_bindings(sources))
    numbers, details = import_numbers(sources)
    return {
        "files": len(sources),
        "lines": lines,
        f"files_over_{MAX_LINES}": len(long_files),
        "longest_file": max(lengths.values()),
        **numbers,
        **function_numbers(sources),
        "names": names,
        "unclear_names": unclear.total() / names if names else math.nan,
        "test_lines": test_lines,
        "tests_to_source": test_lines / lines if lines else math.nan,
        "doctests": doctests,
    }, {
        f"file over {MAX_LINES} lines": long_files,
        **details,
        "unclear name": [f"{count:4} {name}" for name, count in unclear.most_common(MOST_COMMON)],
    }


def commit(root: Path) -> str:
    """The commit that a checkout stands at, with "-dirty" where tracked files differ from it."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=PROJECT, metavar="ROOT", help="a checkout")
    parser.add_argument("--names", action="store_true", help="list the unclear names, and measure nothing")
    options = parser.parse_args()
    if options.names:
        for name, path, line in unclear_bindings(read_sources(options.root)):
            print(f"{path}:{line}: {name}")
        return
    numbers, details = measure(options.root)
    numbers = {"commit": commit(options.root), **numbers}
    print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in numbers.items()}))
    record("structure", numbers, ("networkx",))
    for subject, places in details.items():
        for place in places:
            print(f"{subject:24} {place}")


if __name__ == "__main__":
    main()
