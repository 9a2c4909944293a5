"""The rules of the architecture find a fault that is planted in a small package, however it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.architecture import (
    arrows_up,
    circle,
    circle_of_rooms,
    homeless,
    orphan_tests,
    past_faces,
    undefined_exports,
    untested_packages,
    unused_exports,
    without_face,
)
from tests.support.imports import Source, read_source


def plant(folder: Path, files: Mapping[str, str]) -> Source:
    """The package ``pkg`` with these files, path -> source; an empty ``__init__`` in each of its folders."""
    for name, text in files.items():
        path = folder / "pkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in [folder / "pkg", *(path for path in (folder / "pkg").rglob("*") if path.is_dir())]:
        (path / "__init__.py").touch()
    return read_source(folder, "pkg")


TWO_FLOORS = (("",), ("high",), ("low",))


FACE = "from pkg.low.inner import thing\n__all__ = ['thing']\n"


@pytest.mark.parametrize(
    "line",
    [
        "import pkg.high",
        "import pkg.high as name",
        "from pkg import high",
        "from pkg.high import name",
        "from .. import high",
        "from ..high import name",
        "from ..high.inner import name",
        "def f():\n    import pkg.high",
        "class A:\n    def f(self):\n        with g():\n            from pkg.high import name",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import pkg.high",
        "import importlib\nimportlib.import_module('pkg.high')",
        "from importlib import import_module as load\nload('pkg.high.inner')",
        "from importlib import import_module\nimport_module('..high', 'pkg.low')",
        "importlib.import_module(f'pkg.high.{name}')",
        "__import__('pkg.high')",
        "resources.files('pkg.high')",
        "TABLE = {'key': 'pkg.high:name'}",
        "TABLE = {'key': 'pkg.high.inner'}",
    ],
)
def test_an_arrow_up_is_seen_however_it_is_written(tmp_path: Path, line: str) -> None:
    source = plant(tmp_path, {"low/inner.py": line, "high/inner.py": "", "high/__init__.py": ""})
    assert [arrow.partition(" ")[0] for arrow in arrows_up(source, TWO_FLOORS)] == ["pkg.low.inner"]


@pytest.mark.parametrize(
    "line",
    [
        "from pkg.low.inner import thing",
        "from pkg.low import inner",
        "import pkg.low.inner",
        "def f():\n    from pkg.low.inner import thing",
        "importlib.import_module('pkg.low.inner')",
        "TABLE = {'key': 'pkg.low.inner:thing'}",
    ],
)
def test_an_import_past_a_face_is_seen(tmp_path: Path, line: str) -> None:
    files = {"low/__init__.py": FACE, "low/inner.py": "thing = 1", "high/a.py": line}
    source = plant(tmp_path, files)
    assert past_faces(source, TWO_FLOORS, ("", "high")) == {"pkg.high.a -> pkg.low.inner"}
    assert past_faces(source, TWO_FLOORS, ("", "high", "low")) == set()


def test_what_is_allowed_is_no_fault(tmp_path: Path) -> None:
    high = "from pkg.low import thing\nif TYPE_CHECKING:\n    import pkg.high.other\n"
    files = {
        "low/__init__.py": FACE,
        "low/inner.py": "thing = 1",
        "high/a.py": high,
        "high/other.py": "import pkg.high.a",
    }
    source = plant(tmp_path, files)
    assert arrows_up(source, TWO_FLOORS) == past_faces(source, TWO_FLOORS, ("", "high")) == set()
    assert circle(source) == circle_of_rooms(source, TWO_FLOORS) == []
    assert (
        undefined_exports(source)
        == unused_exports(source, [])
        == without_face(source, TWO_FLOORS, ("", "high"))
        == set()
    )


def test_rooms_beside_each_other_import_nothing_of_each_other(tmp_path: Path) -> None:
    source = plant(tmp_path, {"left/a.py": "import pkg.right", "right/a.py": ""})
    assert arrows_up(source, (("",), ("left", "right"))) == {"pkg.left.a -> pkg.right"}


def test_a_module_in_no_room_is_seen(tmp_path: Path) -> None:
    source = plant(tmp_path, {"low/a.py": "", "lower/a.py": ""})
    assert homeless(source, [("low",)]) == {"pkg", "pkg.lower", "pkg.lower.a"}


@pytest.mark.parametrize(
    "back", ["import pkg.low.a", "def f():\n    import_module('pkg.low.a')", "T = ['pkg.low.a:x']"]
)
def test_a_circle_is_seen(tmp_path: Path, back: str) -> None:
    source = plant(tmp_path, {"low/a.py": "import pkg.low.b", "low/b.py": "import pkg.low.c", "low/c.py": back})
    assert set(circle(source)) == {"pkg.low.a", "pkg.low.b", "pkg.low.c"}
    assert circle_of_rooms(source, TWO_FLOORS) == []


def test_a_circle_of_rooms_need_not_be_one_of_files(tmp_path: Path) -> None:
    files = {"low/a.py": "import pkg.high.a", "high/a.py": "", "high/b.py": "import pkg.low.b", "low/b.py": ""}
    source = plant(tmp_path, files)
    assert circle(source) == []
    assert set(circle_of_rooms(source, TWO_FLOORS)) == {"low", "high"}


@pytest.mark.parametrize(
    ("face", "rule", "expected"),
    [
        ("", lambda source: without_face(source, TWO_FLOORS, ("", "high")), {"pkg.low"}),
        ("__all__ = ['thing', 'lost']\nthing = 1", undefined_exports, {"pkg.low.lost"}),
        (
            "__all__ = ['lazy', 'lost']\nT = {'lazy': 1}\ndef __getattr__(name): ...",
            undefined_exports,
            {"pkg.low.lost"},
        ),
        (
            "__all__ = ['thing', 'spare']\nthing = spare = 1",
            lambda source: unused_exports(source, []),
            {"pkg.low.spare"},
        ),
    ],
)
def test_a_faulty_face_is_seen(
    tmp_path: Path, face: str, rule: Callable[[Source], set[str]], expected: set[str]
) -> None:
    assert rule(plant(tmp_path, {"low/__init__.py": face, "high/a.py": "from pkg.low import thing"})) == expected


@pytest.mark.parametrize("use", ["from pkg import low\nlow.spare()", "T = 'pkg.low:spare'"])
def test_a_name_is_used_by_attribute_by_string_or_in_a_document(tmp_path: Path, use: str) -> None:
    face = {"low/__init__.py": "__all__ = ['spare']\nspare = 1", "low/a.py": "from pkg.low import spare"}
    assert unused_exports(plant(tmp_path / "used", {**face, "high/a.py": use}), []) == set()
    document = tmp_path / "page.md"
    document.write_text("`spare` is what you need")
    unused = plant(tmp_path / "unused", face)
    assert unused_exports(unused, []) == {"pkg.low.spare"} and unused_exports(unused, [document]) == set()


def test_tests_that_mirror_nothing_and_packages_without_tests_are_seen(tmp_path: Path) -> None:
    for path in (
        "tasks/a/__init__.py",
        "tasks/b/__init__.py",
        "tests/tasks/a/__init__.py",
        "tests/tasks/c/__init__.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert orphan_tests(tmp_path, tmp_path / "tests", ["tasks"]) == {"tasks/c"}
    assert untested_packages(tmp_path, tmp_path / "tests", ["tasks"]) == {"tasks/b"}
