"""The arrows of the house go one way: what may import what, and what a plain command never loads."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.needs import ROOT
from tests.support.world import World

PACKAGES = ("tasks", "annotations", "flows")
NOT_OURS = {"reground.annotations.label_studio.server_settings"}  # runs inside Label Studio, on its Django
LIGHT = [
    "reground.flows.cli.main",
    "reground.flows.cli.commands",
    "reground.flows.run.local",
    "reground.flows.settings",
    "reground.flows.steps",
    "reground.flows.run.prefect",
]


def module_name(path: Path) -> str:
    parts = ("reground", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name: path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if (name := module_name(path)) not in NOT_OURS
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module imported anywhere in a file, lazily too, but not for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield from (_imported(str(node.module), alias.name) for alias in node.names)
        yield from imports(node)


def _imported(module: str, name: str) -> str:
    """``from a import b`` and ``from a.b import c`` both import the module a.b."""
    return f"{module}.{name}" if f"{module}.{name}" in FILES else module


IMPORTS = {name: set(imports(ast.parse(path.read_text()))) for name, path in FILES.items()}


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def importers(*packages: str) -> set[str]:
    return {name for name, found in IMPORTS.items() if any(within(module, *packages) for module in found)}


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 40 and "reground.tasks.kernels.grabcut" in FILES
    assert {"reground.tasks.errors", "httpx"} <= IMPORTS["reground.flows.run.prefect"]


def test_imports_are_found_wherever_they_hide() -> None:
    lazy = "def f():\n  try:\n    import b.c\n  finally:\n    from reground.tasks.workspace import store"
    source = f"if TYPE_CHECKING:\n  import a\n{lazy}"
    assert set(imports(ast.parse(source))) == {"b.c", "reground.tasks.workspace.store"}


def test_tasks_know_nothing_of_who_calls_them() -> None:
    callers = importers("prefect", "reground.flows", "reground.annotations")
    assert {name for name in callers if within(name, "reground.tasks")} == set()


def test_annotations_know_nothing_of_flows() -> None:
    assert {name for name in importers("prefect", "reground.flows") if within(name, "reground.annotations")} == set()


def test_kernels_are_arithmetic() -> None:
    allowed = ("numpy", "cv2", "scipy", *(f"reground.tasks.{name}" for name in ("kernels", "schema", "errors")))
    pure = sys.stdlib_module_names - {"os", "io", "pathlib", "time", "datetime", "random", "socket", "shutil"}
    kernels = {name: found for name, found in IMPORTS.items() if within(name, "reground.tasks.kernels")}
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
def test_heavy_packages_have_one_home(packages: tuple[str, ...], home: str) -> None:
    assert {name for name in importers(*packages) if not within(name, home)} == set()


def test_no_module_imports_itself_by_a_detour() -> None:
    ours = {name: {module for module in found if module in FILES} for name, found in IMPORTS.items()}
    list(graphlib.TopologicalSorter(ours).static_order())


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
