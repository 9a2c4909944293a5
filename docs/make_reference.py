"""Write the reference pages from the code: commands, settings, tables and the Python API.

python docs/make_reference.py

The pages go to ``docs/reference`` and are not committed: they are made before each build of the site.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
ROOMS = ("tasks", "annotations", "flows")


def write(folder: Path = FOLDER) -> None:
    """Write every page anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in pages():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def pages() -> Iterator[tuple[str, str]]:
    """Path below ``docs/reference`` and Markdown of each page."""
    yield "commands.md", commands_page()
    yield "settings.md", settings_page()
    yield "tables.md", tables_page()
    yield from api_pages()


# Commands


def commands_page() -> str:
    """Every command with its arguments and options."""
    lines = [
        "# Commands",
        "",
        "Made from the command line's own description: `reground COMMAND --help` says the same.",
        "",
    ]
    for words, command in _commands(_parser()):
        lines += [f"## reground {words}", "", _sentence(command.description or ""), ""]
        lines += ["```text", command.format_usage().removeprefix("usage: ").rstrip(), "```", ""]
        lines += _table(("option", "meaning", "default"), _options(command))
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    from reground.flows.cli.main import parser

    return parser()


def _commands(parser: argparse.ArgumentParser, words: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for name, command in (pair for group in groups for pair in group.choices.items()):
        yield f"{words}{name}", command
        yield from _commands(command, f"{words}{name} ")


def _options(command: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    for action in command._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        default = "" if action.default in (None, argparse.SUPPRESS, False, "", []) else f"`{action.default}`"
        yield f"`{name}`", action.help or "", default


# Settings


def settings_page() -> str:
    """Every setting of every step."""
    from reground.flows.settings import Settings, fields

    lines = [
        "# Settings",
        "",
        "A setting is `STEP.FIELD`: in a TOML file the key `FIELD` of the section `[STEP]`, in the environment",
        "`REGROUND_STEP__FIELD`, on the command line an option (see [commands](commands.md)). Later sources win:",
        "default, workspace, file (`--config`), environment, command line. What the command line or a file sets is",
        "remembered by the workspace; an empty value takes it back.",
        "",
    ]
    for step, group in itertools.groupby(fields(Settings), key=lambda field: field.name.partition(".")[0]):
        rows = (
            (f"`{field.name}`", f"`{_plain(field.default)}`", field.expected, _sentence(field.help)) for field in group
        )
        lines += [f"## {step}", "", *_table(("setting", "default", "value", "meaning"), rows)]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value)) or '""'
    return str(value) if value != "" else '""'


# Tables


def tables_page() -> str:
    """Every table, its key and its columns."""
    from reground.tasks.schema.tables import TABLES

    lines = [
        "# Tables",
        "",
        "A workspace holds these tables as Parquet files. `reground table NAME -w W --to FILE` writes one as",
        "`.csv`, `.jsonl` or `.parquet`. Every column is filled in unless the type says `or null`.",
        "",
    ]
    for table in TABLES.values():
        lines += [
            f"## {table.name}",
            "",
            f"One row: {table.row}. Key: {', '.join(f'`{name}`' for name in table.key)}.",
            "",
        ]
        rows = ((f"`{c.name}`", f"`{c.type}`" + " or null" * c.nullable, c.meaning) for c in table.columns)
        lines += _table(("column", "type", "meaning"), rows)
    return "\n".join(lines)


# Python API


def api_pages() -> Iterator[tuple[str, str]]:
    """A page for the package itself, for each package with a face and for each kernel, and their table of contents."""
    faces, kernels = ["reground", *_faces()], _kernels()
    yield "api/index.md", _contents([*faces, *kernels])
    yield "api/SUMMARY.md", _navigation(faces, kernels)
    for module in (*faces, *kernels):
        yield f"api/{module}.md", f"# {module}\n\n::: {module}\n"


def _navigation(faces: list[str], kernels: list[str]) -> str:
    lines = [
        "- [Python API](index.md)",
        *(f"- [{name.removeprefix('reground.')}]({name}.md)" for name in faces),
        "- tasks.kernels",
    ]
    return "\n".join([*lines, *(f"    - [{name.rpartition('.')[2]}]({name}.md)" for name in kernels), ""])


def _contents(modules: list[str]) -> str:
    lines = [
        "# Python API",
        "",
        "Made from the source. Packages offer the names below; other modules are internal.",
        "",
    ]
    return "\n".join([*lines, *_table(("module", ""), ((f"[`{m}`]({m}.md)", _summary(m)) for m in modules))])


def _faces() -> list[str]:
    return [
        _module(path.parent) for room in ROOMS for path in sorted((ROOT / room).rglob("__init__.py")) if _has_face(path)
    ]


def _kernels() -> list[str]:
    return [_module(path.with_suffix("")) for path in sorted((ROOT / "tasks/kernels").glob("[a-z]*.py"))]


def _module(path: Path) -> str:
    return ".".join(("reground", *path.relative_to(ROOT).parts))


def _has_face(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return "__all__" in names


def _summary(module: str) -> str:
    path = ROOT.joinpath(*module.split(".")[1:]) if module != "reground" else ROOT / "reground"
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(source.read_text())) or "").partition("\n")[0]


# Markdown


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    if not lines:
        return []
    return [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *(f"| {line} |" for line in lines), ""]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    write()
