"""The arrows of the architecture go one way: what may import what, and what a plain command never loads."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from reground.tasks.schema import TABLES
from reground.tasks.schema.generate import row_type
from tests.support.architecture import (
    arrows_up,
    circle,
    circle_of_rooms,
    homeless,
    orphan_tests,
    parsers,
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
    ("tasks.class_pairs",),
    ("tasks.variants", "tasks.imagenet9", "tasks.predictions"),
    ("annotations.review",),
    ("annotations.collect",),
    ("annotations.rounds", "annotations.references"),
    ("annotations", "annotations.label_studio", "annotations.truth", "annotations.published"),
    ("tasks.suspects",),
    ("tasks.evaluation", "tasks.facts", "tasks.masks", "tasks.models", "tasks.neighbours"),
    ("tasks.imports", "tasks.features"),
    ("tasks.references",),
    ("tasks.images", "tasks.votes"),
    ("tasks.workspace",),
    ("tasks.schema",),
    ("tasks.kernels", "tasks.vocabularies", "tasks.plugins", "tasks.tabular"),
    ("tasks.files", "tasks.storage", "tasks.ports"),
    ("tasks", "tasks.errors", "tasks.console"),
    ("tasks.text", "tasks.redaction", "tasks.cores", "tasks.user_data"),
)
"""From the roof to the ground; what stands beside each other imports nothing of each other."""


FACELESS = ("", "flows", "tasks", "annotations", "tasks.kernels", "tasks.vocabularies")
"""Used file by file: each has one subject, and is its own face."""


FOLDERS = ("tasks", "annotations", "flows")


OWN_CONTENT = {
    "annotations.collect.answers",
    "annotations.collect.delta",
    "annotations.label_studio.credentials",
    "annotations.label_studio.running",
    "annotations.truth.versions",
    "flows.cli.demo",
    "tasks.export.dataset",
    "tasks.workspace.chain",
    "tasks.workspace.entry_rows",
    "tasks.workspace.table_file",
}


OTHER_PARSERS = {
    "annotations.published.pickle_tree",  # of instructions, none of which is run
    "tasks.models.torchvision_model",  # of weights, by torch's own guard
}


INSIDE_LABEL_STUDIO = "reground.annotations.label_studio.server_settings"  # on its Django


HEAVY = {"prefect", "fastapi", "torch", "ray", "label_studio_sdk"}


LIGHT = [
    "reground.flows.cli.main",
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
    allowed = (
        "numpy",
        "cv2",
        "scipy",
        *(f"reground.tasks.{name}" for name in ("kernels", "schema", "errors", "memory")),
    )
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


def test_the_kernels_list_each_of_them() -> None:
    from reground.tasks import kernels

    assert set(kernels.__all__) == {module.name for module in pkgutil.iter_modules(kernels.__path__)}


@pytest.mark.parametrize(
    ("packages", "home"),
    [
        (("torch", "torchvision", "timm", "efficientnet_lite_pytorch"), "reground.tasks.models"),
        (("onnxruntime",), "reground.tasks.masks.onnx"),
        (("label_studio_sdk",), "reground.annotations.label_studio"),
        (("ray",), "reground.flows.run.ray"),
        (("obstore",), "reground.tasks.storage"),
    ],
)
def test_heavy_packages_have_one_home(source: Source, packages: tuple[str, ...], home: str) -> None:
    found = importers(source, *packages)
    assert found and {name for name in found if not within(name, home)} == set()


def test_files_from_elsewhere_are_parsed_in_one_place(source: Source) -> None:
    """Each format has one reader with limits; the others parse what reground has written itself."""
    calls = ("json.load", "json.loads", "np.load", "pd.read_pickle", "pq.ParquetFile", "pq.read_table")
    modules = ("tomllib", "zipfile", "pickle", "pickletools")
    readers = {name for name in parsers(source, calls, modules) if not within(name, "reground.tasks.files")}
    assert {name.removeprefix("reground.") for name in readers} == OWN_CONTENT | OTHER_PARSERS


def test_text_is_printed_in_one_place(source: Source) -> None:
    """Where secrets are masked and control characters shown; what a child process prints is read by its parent."""
    assert parsers(source, ("print",), ()) == {"reground.tasks.console", "reground.tasks.files.parquet_child"}


def test_tests_mirror_the_source() -> None:
    assert orphan_tests(ROOT, ROOT / "tests", FOLDERS) == set()
    assert untested_packages(ROOT, ROOT / "tests", FOLDERS) == {"tasks/vocabularies"}


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


def test_test_files_share_helpers_through_support() -> None:
    tests = {name: path for name, path in read_source(ROOT, "tests").files.items() if "plugin" not in name}
    test_files = {name for name in tests if name.rpartition(".")[2].startswith("test_")}
    imports = Source("tests", tests).imports
    assert {(name, other) for name in tests for other in imports[name] & test_files} == set()


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
    assert loaded_after(f"import {', '.join(LIGHT)}") & HEAVY == set()


def test_a_plain_run_loads_no_prefect(world: World, workspace_url: str) -> None:
    arguments = ["index", str(world.images), "-w", workspace_url, "--boxes", str(world.boxes)]
    code = f"from reground.flows.cli.main import main\nassert main({arguments!r}) == 0"
    loaded = loaded_after(code)
    assert "pyarrow" in loaded
    assert loaded & HEAVY == set()
