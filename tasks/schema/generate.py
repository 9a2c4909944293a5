"""Types of the rows of every table, generated from the plans: ``python -m reground.tasks.schema.generate``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from reground.tasks.schema.column import Column, Table
from reground.tasks.schema.images import IMAGES
from reground.tasks.schema.labels import LABELS
from reground.tasks.schema.models import MODELS
from reground.tasks.schema.references import REFERENCES
from reground.tasks.schema.reviews import REVIEWS
from reground.tasks.schema.suspects import SUSPECTS

PLANS: Final[Mapping[str, Sequence[Table]]] = {
    "images": IMAGES,
    "labels": LABELS,
    "reviews": REVIEWS,
    "references": REFERENCES,
    "models": MODELS,
    "suspects": SUSPECTS,
}
"""Module with the plans of some tables -> these plans."""
PYTHON_TYPES: Final = {
    "string": "str",
    "bool": "bool",
    **dict.fromkeys(("int16", "int32", "int64"), "int"),
    **dict.fromkeys(("float16", "float32", "float64"), "float"),
    "binary": "bytes",
    "box": "BoxDict",
    "image": "ImageDict",
}
KEY_TYPES: Final = {
    **dict.fromkeys(("image_id", "background_id"), "ImageId"),
    "class_idx": "ClassIdx",
    "annotator_id": "AnnotatorId",
}
"""Name of a column that holds the key of another table -> type of the key."""
MODULES: Final = {
    "reground.tasks.schema.nested": ("BoxDict", "ImageDict"),
    "reground.tasks.schema.tables": ("AnnotatorId", "ClassIdx", "ImageId"),
}
"""Module -> types that it defines."""


def generate() -> dict[str, str]:
    """File name -> source, of every generated file in this folder."""
    return {f"{plan.removesuffix('s')}_rows.py": _module(plan, tables) for plan, tables in PLANS.items()}


def row_type(table: Table) -> str:
    """Name of the type of a row: that of the table in the singular.

    Examples:
        >>> row_type(Table("truth_versions", "version", (), ()))
        'TruthVersionRow'
    """
    *words, last = table.name.split("_")
    last = last.removesuffix("es") if last.endswith("sses") else last.removesuffix("s")
    return "".join(word.capitalize() for word in (*words, last)) + "Row"


def python_type(column: Column) -> str:
    """Type of a column's values, as Python writes it.

    Examples:
        >>> python_type(Column("class_idxs", "list<int32>", "labels", nullable=True))
        'list[ClassIdx] | None'
    """
    return _python_type(column.name, column.type) + (" | None" if column.nullable else "")


def _python_type(name: str, type_name: str) -> str:
    if type_name.startswith("list<"):
        element = type_name.removeprefix("list<").removesuffix(">")
        return f"list[{_python_type(name.removesuffix('s'), element)}]"
    return KEY_TYPES.get(name, PYTHON_TYPES[type_name])


def _module(plan: str, tables: Iterable[Table]) -> str:
    body = "\n".join(line for name, table in _types(tables).items() for line in _class(name, table))
    imports = {home: [name for name in names if name in body] for home, names in MODULES.items()}
    return "\n".join(
        [
            f'"""Types of the rows of the tables in `reground.tasks.schema.{plan}`; generated: do not edit."""',
            "",
            "from __future__ import annotations",
            "",
            "from typing import TypedDict",
            "",
            *(f"from {home} import {', '.join(names)}" for home, names in imports.items() if names),
            body,
            "",
        ]
    )


def _types(tables: Iterable[Table]) -> dict[str, Table]:
    """The tables by row type; tables with the same columns may share one."""
    types: dict[str, Table] = {}
    for table in tables:
        if types.setdefault(row_type(table), table).columns != table.columns:
            raise ValueError(f"two tables with different columns have rows of the type {row_type(table)}")
    return types


def _class(name: str, table: Table) -> Iterator[str]:
    yield from ("", "", f"class {name}(TypedDict):", f'    """A row of ``{table.name}``: one {table.row}."""', "")
    yield from (f"    {column.name}: {python_type(column)}" for column in table.columns)


if __name__ == "__main__":
    for file_name, source in generate().items():
        (Path(__file__).parent / file_name).write_text(source)
