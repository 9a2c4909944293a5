"""The arrows of the architecture go one way: what may import what, and what a plain command never loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reground.tasks.schema import TABLES
from reground.tasks.schema.generate import row_type
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
from tests.support.imports import Source, read_source, within
from tests.support.needs import ROOT
from tests.support.world import World

FLOORS = (
    ("",),
    ("flows.cli",),
    ("flows",),
    ("flows.settings",),
    ("flows.run",),
    ("flows.steps",),
    ("tasks.report",),
    ("tasks.export", "tasks.adversarial"),
    ("tasks.variants", "tasks.imagenet9", "tasks.predictions"),
    ("annotations.review",),
    ("annotations.collect",),
    ("annotations.rounds",),
    ("annotations", "annotations.label_studio", "annotations.truth", "annotations.published"),
    ("tasks.evaluation", "tasks.masks", "tasks.models"),
    ("tasks.images", "tasks.votes"),
    ("tasks.workspace",),
    ("tasks.schema",),
    ("tasks.kernels", "tasks.vocabularies", "tasks.plugins"),
    ("tasks", "tasks.errors"),
)
"""From the roof to the ground; what stands beside each other imports nothing of each other."""
FACELESS = ("", "flows", "tasks", "annotations", "tasks.kernels", "tasks.vocabularies")
"""Used file by file: each has one subject, and is its own face."""
FOLDERS = ("tasks", "annotations", "flows")
INSIDE_LABEL_STUDIO = "reground.annotations.label_studio.server_settings"  # on its Django
LIGHT = [
    "reground.flows.cli.main",
    "reground.flows.cli.commands",
    "reground.flows.run.local",
    "reground.flows.settings",
    "reground.flows.steps",
    "reground.flows.run.prefect",
]


@pytest.fixture(scope="module")
def source() -> Source:
    whole = read_source(ROOT, "reground")
    return Source(whole.name, {name: path for name, path in whole.files.items() if name != INSIDE_LABEL_STUDIO})


def importers(source: Source, *packages: str) -> set[str]:
    return {name for name, found in source.imports.items() if any(within(module, *packages) for module in found)}


# The source as it is


def test_there_is_something_to_check(source: Source) -> None:
    assert len(source.files) > 40 and "reground.tasks.kernels.grabcut" in source.files
    assert {"reground.tasks.errors", "httpx"} <= source.imports["reground.flows.run.prefect"]
    assert "reground.annotations.truth" in source.imports["reground.flows.steps"]


def test_every_module_lies_in_a_room(source: Source) -> None:
    inside = [f"reground.{folder}" for folder in FOLDERS]
    assert {name for name in homeless(source, FLOORS[1:]) if within(name, *inside)} == set()


def test_arrows_go_down(source: Source) -> None:
    assert arrows_up(source, FLOORS) == set()


def test_rooms_are_entered_by_their_face(source: Source) -> None:
    assert past_faces(source, FLOORS, FACELESS) == set()


def test_there_is_no_circle(source: Source) -> None:
    assert circle(source) == []
    assert circle_of_rooms(source, FLOORS) == []


def test_faces_list_what_others_use(source: Source) -> None:
    assert without_face(source, FLOORS, FACELESS) == set()
    assert undefined_exports(source) == set()
    rows = {f"reground.tasks.schema.{row_type(table)}" for table in TABLES.values()}
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.py")]
    documents += [path for path in (ROOT / "tests").rglob("*.py") if path.name != "test_architecture.py"]
    assert unused_exports(source, documents) - rows == set()


def test_tasks_know_nothing_of_who_calls_them(source: Source) -> None:
    callers = importers(source, "prefect", "reground.flows", "reground.annotations")
    assert {name for name in callers if within(name, "reground.tasks")} == set()


def test_annotations_know_nothing_of_prefect(source: Source) -> None:
    assert {name for name in importers(source, "prefect") if within(name, "reground.annotations")} == set()


def test_kernels_are_arithmetic(source: Source) -> None:
    allowed = ("numpy", "cv2", "scipy", *(f"reground.tasks.{name}" for name in ("kernels", "schema", "errors")))
    pure = sys.stdlib_module_names - {"os", "io", "pathlib", "time", "datetime", "random", "socket", "shutil"}
    kernels = {name: found for name, found in source.imports.items() if within(name, "reground.tasks.kernels")}
    assert len(kernels) > 3
    beyond = {
        (name, module)
        for name, found in kernels.items()
        for module in found
        if not within(module, *allowed) and module.partition(".")[0] not in pure
    }
    assert beyond == set()


@pytest.mark.parametrize(
    ("packages", "home"),
    [
        (("torch", "torchvision", "timm", "efficientnet_lite_pytorch"), "reground.tasks.models"),
        (("onnxruntime",), "reground.tasks.masks.onnx"),
        (("label_studio_sdk",), "reground.annotations.label_studio.client"),
        (("ray",), "reground.flows.run.ray"),
        (("prefect_ray",), "reground.flows.scheduled"),
    ],
)
def test_heavy_packages_have_one_home(source: Source, packages: tuple[str, ...], home: str) -> None:
    found = importers(source, *packages)
    assert found and {name for name in found if not within(name, home)} == set()


def test_tests_mirror_the_source() -> None:
    assert orphan_tests(ROOT, ROOT / "tests", FOLDERS) == set()
    assert untested_packages(ROOT, ROOT / "tests", FOLDERS) == {"tasks/vocabularies"}


# The same rules on small packages with a fault


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


# What a command loads


def loaded_after(code: str) -> set[str]:
    """Top-level packages in memory after ``code`` ran in a new interpreter."""
    tell = "import sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    made = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(made.stdout.rpartition("LOADED ")[2].split())


def test_help_loads_nothing_heavy() -> None:
    code = """
from reground.flows.cli.main import main
try:
    main(['--help'])
except SystemExit as end:
    assert end.code == 0
"""
    heavy = {"prefect", "pandas", "pyarrow", "numpy", "torch", "cv2", "PIL", "ray", "label_studio_sdk", "pydantic"}
    assert loaded_after(code) & heavy == set()


def test_the_plain_path_loads_no_prefect() -> None:
    assert loaded_after(f"import {', '.join(LIGHT)}") & {"prefect", "torch", "ray", "label_studio_sdk"} == set()


def test_a_plain_run_loads_no_prefect(world: World, workspace_url: str) -> None:
    arguments = ["index", str(world.images), "-w", workspace_url, "--boxes", str(world.boxes)]
    code = f"from reground.flows.cli.main import main\nassert main({arguments!r}) == 0"
    loaded = loaded_after(code)
    assert "pyarrow" in loaded
    assert loaded & {"prefect", "torch", "ray", "label_studio_sdk"} == set()
