"""The row types in the source are those that the plans give."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import pytest

from reground.tasks.schema import (
    generate,
    image_rows,
    label_rows,
    model_rows,
    reference_rows,
    review_rows,
    suspect_rows,
)
from reground.tasks.schema.column import Column, Table
from reground.tasks.schema.tables import TABLES


def test_the_generated_files_are_up_to_date() -> None:
    folder = Path(generate.__file__).parent
    for name, source in generate.generate().items():
        assert (folder / name).read_text() == source, "run python -m reground.tasks.schema.generate"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_row_type_with_its_columns(name: str) -> None:
    modules = (image_rows, label_rows, reference_rows, review_rows, model_rows, suspect_rows)
    defined = {name: value for module in modules for name, value in vars(module).items()}
    hints = get_type_hints(defined[generate.row_type(TABLES[name])])
    assert list(hints) == TABLES[name].names()
    assert {c.name for c in TABLES[name].columns if c.nullable} == {
        c for c in hints if type(None) in _members(hints[c])
    }


def _members(hint: object) -> tuple[object, ...]:
    return getattr(hint, "__args__", ())


def test_types_of_columns() -> None:
    types = {
        ("score", "float32"): "float",
        ("objects", "list<list<int32>>"): "list[list[int]]",
        ("boxes", "list<box>"): "list[BoxDict]",
        ("image", "image"): "ImageDict",
        ("image_ids", "list<string>"): "list[ImageId]",
        ("annotator_id", "string"): "AnnotatorId",
    }
    for (name, column_type), expected in types.items():
        assert generate.python_type(Column(name, column_type, "")) == expected
        assert generate.python_type(Column(name, column_type, "", nullable=True)) == f"{expected} | None"


def test_tables_that_share_a_row_type_have_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (Table(name, "", (), (Column(name, "bool", ""),)) for name in ("thing", "things"))
    monkeypatch.setattr(generate, "PLANS", {"images": (one, other)})
    with pytest.raises(ValueError, match="ThingRow"):
        generate.generate()
