"""Write the reference pages from the code: commands, settings, tables and the Python API.

python docs/make_reference.py

The pages go to ``docs/reference`` and are not committed: they are made before each build of the site.
"""

from __future__ import annotations

import ast
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reground.flows.cli import Option

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
    """Every command with its arguments, options and examples."""
    from reground.flows.cli import reference

    commands = reference()
    lines = [
        "# Commands",
        "",
        "Made from the command line's own description: `reground COMMAND --help` says the same. Options may stand",
        "anywhere. Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 terminated.",
        "",
        "Options of every command:",
        "",
        *_table(("option", "default", "meaning"), map(_option_row, commands.options)),
    ]
    for command in commands.commands:
        lines += [f"## reground {command.words}", "", command.summary, ""]
        lines += ["```bash", *command.examples, "```", ""]
        for group, options in itertools.groupby((*command.arguments, *command.options), key=lambda one: one.group):
            lines += [f"{group}:", ""] if group else []
            lines += _table(("option", "default", "meaning"), map(_option_row, options))
    return "\n".join(lines)


def _option_row(option: Option) -> tuple[str, str, str]:
    default = "required" if option.is_required else f"`{option.default}`" if option.default else ""
    names = ", ".join(f"`{name}`" for name in option.names)
    value = f" `{option.value}`" if option.value and option.value not in option.names else ""
    choices = f" One of: {', '.join(f'`{choice}`' for choice in option.choices)}." if option.choices else ""
    return names + value, default, option.help + choices


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
        "A workspace holds these tables as Parquet files. `reground table NAME -w W` prints one, `--to FILE` writes it",
        "as `.csv`, `.jsonl` or `.parquet`. A table of several models or variants is a family: `predictions/MODEL`,",
        "`variants/NAME`. A column is never null unless its type says `or null`.",
        "",
    ]
    for table in TABLES.values():
        lines += [
            f"## {table.name}",
            "",
            f"One row for each {table.row}.{_key(table.key)}",
            "",
        ]
        rows = ((f"`{c.name}`", f"`{c.type}`" + " or null" * c.nullable, c.meaning) for c in table.columns)
        lines += _table(("column", "type", "meaning"), rows)
    return "\n".join(lines)


def _key(names: tuple[str, ...]) -> str:
    return f" Key: {', '.join(f'`{name}`' for name in names)}." if names else ""


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
        "Made from the source. These modules are public; all others are internal.",
        "",
    ]
    return "\n".join([*lines, *_table(("module", "content"), ((f"[`{m}`]({m}.md)", _summary(m)) for m in modules))])


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
