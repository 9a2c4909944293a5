"""The structure of a small tree, with circles, imports and bodies planted in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.structure import PROJECT, is_unclear, measure, unclear_bindings
from benchmarks.structure_imports import imports, read_sources

EMPTY_PACKAGES = {f"{package}/__init__.py": "" for package in ("flows", "tasks", "annotations")}


def write_tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in (EMPTY_PACKAGES | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def numbers_of(root: Path, files: dict[str, str]) -> dict[str, Any]:
    return measure(write_tree(root, files))[0]


def imports_of(root: Path, source: str, files: dict[str, str] | None = None) -> set[str]:
    """What ``tasks/reader.py`` imports, beside ``tasks/store.py`` and the package ``tasks/masks``."""
    tree = {
        "tasks/store.py": "",
        "tasks/masks/__init__.py": "from tasks.masks.step import STEP, decode\n",
        "tasks/masks/step.py": "STEP = 1\n",
        "tasks/masks/decode.py": "",
        "tasks/reader.py": source,
    }
    return imports("tasks.reader", read_sources(write_tree(root, tree | (files or {}))))


def test_a_tree_without_circles_has_none(tmp_path: Path) -> None:
    numbers = numbers_of(
        tmp_path,
        {"flows/run.py": "import tasks.store\n", "tasks/store.py": "import tasks.schema\n", "tasks/schema.py": ""},
    )
    assert numbers["file_circles"] == numbers["room_circles"] == 0
    assert numbers["file_chain"] == numbers["room_chain"] == 3
    assert numbers["file_imports"] == 2
    assert (numbers["packages"], numbers["top_packages"], numbers["files"]) == (3, 3, 6)


def test_a_circle_of_files_is_counted_once_and_named(tmp_path: Path) -> None:
    files = {
        "tasks/masks/__init__.py": "",
        "tasks/masks/step.py": "import tasks.masks.rle\n",
        "tasks/masks/rle.py": "def load():\n    from tasks.masks import coco\n",
        "tasks/masks/coco.py": "from tasks.masks.step import STEP\n",
        "tasks/reader.py": "import tasks.masks.coco\n",
    }
    numbers, details = measure(write_tree(tmp_path, files))
    assert (numbers["file_circles"], numbers["room_circles"]) == (1, 0)
    assert details["circle of files"] == ["tasks.masks.coco = tasks.masks.rle = tasks.masks.step"]
    assert numbers["file_chain"] == 2, "the circle is one node"
    assert (numbers["file_imports"], numbers["room_imports"]) == (4, 1)


def test_a_circle_of_rooms_needs_no_circle_of_files(tmp_path: Path) -> None:
    numbers, details = measure(
        write_tree(
            tmp_path,
            {
                "tasks/masks/__init__.py": "",
                "tasks/masks/step.py": "import tasks.images.index\n",
                "tasks/masks/rle.py": "",
                "tasks/images/__init__.py": "",
                "tasks/images/index.py": "",
                "tasks/images/boxes.py": "import tasks.masks.rle\n",
            },
        )
    )
    assert (numbers["file_circles"], numbers["room_circles"]) == (0, 1)
    assert details["circle of rooms"] == ["tasks.images = tasks.masks"]


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nSTEP = importlib.import_module('tasks.store').STEP",
        "MODULES = {'store': 'tasks.store'}",
        "FLOWS = {'store': 'tasks.store:run'}",
        "def read():\n    try:\n        from tasks import store\n    finally:\n        pass",
        "from . import store",
        "from .store import read",
        "import reground.tasks.store",
        "from reground.tasks import store",
        "from reground.tasks.store import read",
        "LOADERS = {'store': 'reground.tasks.store'}",
        "if TYPE_CHECKING:\n    import flows\nelse:\n    import tasks.store",
    ],
)
def test_an_import_counts_however_it_is_written(tmp_path: Path, source: str) -> None:
    assert imports_of(tmp_path, source) == {"tasks.store"}


@pytest.mark.parametrize(
    "source",
    [
        "if TYPE_CHECKING:\n    from tasks.store import Workspace",
        "import typing\nif typing.TYPE_CHECKING:\n    from tasks.store import Workspace",
        "import numpy.store",
        "NAME = 'tasks.stores'",
        '"""Reads what tasks.store writes."""',
        "import tasks.reader",
    ],
)
def test_what_runs_no_other_module_is_no_import(tmp_path: Path, source: str) -> None:
    assert imports_of(tmp_path, source) == set()


def test_a_name_the_package_gives_is_no_submodule(tmp_path: Path) -> None:
    assert imports_of(tmp_path, "from tasks.masks import decode") == {"tasks.masks"}
    assert imports_of(tmp_path, "from tasks.masks import step") == {"tasks.masks.step"}


def test_a_relative_import_starts_at_the_package(tmp_path: Path) -> None:
    files = {"tasks/masks/__init__.py": "from .step import STEP\nfrom ..store import read\n", "tasks/masks/step.py": ""}
    sources = read_sources(write_tree(tmp_path, files | {"tasks/store.py": ""}))
    assert imports("tasks.masks", sources) == {"tasks.masks.step", "tasks.store"}


def test_a_circle_through_a_string_is_counted(tmp_path: Path) -> None:
    files = {
        "flows/run.py": "import importlib\n\ndef run():\n    return importlib.import_module('flows.curate')\n",
        "flows/curate.py": "from flows.run import run\n",
    }
    assert numbers_of(tmp_path, files)["file_circles"] == 1


def test_imports_past_a_face(tmp_path: Path) -> None:
    files = {
        "tasks/errors.py": "",
        "tasks/masks/__init__.py": "from tasks.masks.rle import encode\n",
        "tasks/masks/rle.py": "from tasks.errors import InputError\n",
        "tasks/masks/methods/__init__.py": "",
        "tasks/masks/methods/onnx.py": "from tasks.masks.rle import encode\n",
        "tasks/reader.py": "from tasks.masks.rle import encode\nfrom tasks.masks import methods\n",
        "flows/run.py": "from tasks.masks import encode\nfrom tasks.errors import InputError\n",
    }
    numbers, details = measure(write_tree(tmp_path, files))
    assert details["past a face"] == ["tasks.reader > tasks.masks.methods", "tasks.reader > tasks.masks.rle"]
    assert (numbers["past_face"], numbers["past_top"]) == (2, 1)


def test_a_face_may_list_whole_modules(tmp_path: Path) -> None:
    files = {
        "tasks/kernels/__init__.py": '__all__ = ["topk"]\n',
        "tasks/kernels/topk.py": "",
        "tasks/kernels/hidden.py": "",
        "tasks/reader.py": "from tasks.kernels.topk import top_k\nfrom tasks.kernels.hidden import secret\n",
    }
    _, details = measure(write_tree(tmp_path, files))
    assert details["past a face"] == ["tasks.reader > tasks.kernels.hidden"]


BODIES = '''
def empty():
    """Says all."""


def one(): return 1


async def two(n):
    """Two lines.

    Of code.
    """
    # A comment counts for nothing.

    total = n + 1

    return total


class Box:
    """A box."""

    def five(self, pair: tuple[int, int]) -> int:
        @cache
        def inner(number):
            """Not counted."""
            return number

        return inner(pair)
'''


def test_bodies_count_lines_of_code(tmp_path: Path) -> None:
    numbers = numbers_of(tmp_path, {"tasks/bodies.py": BODIES})
    assert numbers["functions"] == 5, "bodies of 0, 1, 2, 4 and, inside the last, 1"
    assert numbers["body_median"] == 1
    assert numbers["body_p90"] == pytest.approx(3.2)
    assert numbers["parameters_typed"] == pytest.approx(1 / 3)
    assert numbers["returns_typed"] == pytest.approx(1 / 5)


def test_untyped_rows_by_name_and_by_alias(tmp_path: Path) -> None:
    files = {
        "tasks/rows.py": "Row = dict[str, Any]\ndef read() -> list[Row]: ...\ndef size(row: dict[str, int]): ...\n",
        "tasks/reader.py": "from tasks.rows import Row\ndef write(row: 'Row'): ...\n",
        "tasks/cells.py": "class Row: ...\ndef send(row: Row): ...\ndef save(row: Mapping[str, Any] | None): ...\n",
    }
    assert numbers_of(tmp_path, files)["untyped_rows"] == 3


def test_unclear_names_are_parameters_and_locals(tmp_path: Path) -> None:
    source = """
found = 1

class Round:
    asked = 2

def count(made, seed, *, by_label):
    judged, selected = made
    for told in judged:
        key = lambda known: known
    class Cell:
        chosen = 3
    return [held for held in made if found]
"""
    sources = read_sources(write_tree(tmp_path, {"tasks/names.py": source}))
    assert [(name, line) for name, _, line in unclear_bindings(sources)] == [
        ("made", 7),
        ("judged", 8),
        ("told", 9),
        ("known", 10),
        ("held", 13),
    ]
    assert measure(tmp_path)[0]["names"] == 9


@pytest.mark.parametrize("name", ["found", "_made", "by", "what", "deep", "excluded", "BY"])
def test_unclear(name: str) -> None:
    assert is_unclear(name)


@pytest.mark.parametrize("name", ["rows", "seed", "base_seed", "selected", "count_excluded", "by_label", "image_id"])
def test_clear(name: str) -> None:
    assert not is_unclear(name)


def test_lines_tests_and_doctests(tmp_path: Path) -> None:
    lines = '"""Doubles.\n\n>>> double(2)\n4\n"""\n'
    files = {
        "tasks/double.py": lines,
        "tasks/long.py": "X = 1\n" * 301,
        "tests/tasks/test_double.py": "# A test.\n" * 153,
    }
    numbers, details = measure(write_tree(tmp_path, files))
    assert (numbers["lines"], numbers["doctests"], numbers["test_lines"]) == (306, 1, 153)
    assert numbers["tests_to_source"] == 0.5
    assert details["file over 300 lines"] == ["tasks/long.py 301"]


def test_symbolic_links_count_no_file_twice(tmp_path: Path) -> None:
    files = {"tasks/store.py": "", "reground/__init__.py": "from reground.tasks.store import open_workspace\n"}
    root = write_tree(tmp_path, files)
    for package in ("flows", "tasks", "annotations"):
        (root / "reground" / package).symlink_to(Path("..") / package)
    numbers, _ = measure(root)
    assert (numbers["files"], numbers["packages"], numbers["file_imports"]) == (5, 4, 1)


def test_a_folder_without_the_project_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected Python source in flows/, tasks/, annotations/"):
        measure(tmp_path)


def test_names_are_listed_with_file_and_line(tmp_path: Path) -> None:
    write_tree(tmp_path, {"tasks/names.py": "def count(found): ...\n"})
    command = [sys.executable, "-m", "benchmarks.structure", str(tmp_path), "--names"]
    listing = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert listing == "tasks/names.py:1: found\n"
