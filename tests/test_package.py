"""What is installed: a wheel and an sdist whose only top level is ``reground``."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.needs import ROOT

FOLDERS = ("annotations", "flows", "tasks")
"""Linked to from ``reground/``; never the name of a package at the top level."""
OTHERS = ("benchmarks", "docs", "tests")
HOOK = "import sys, setuptools.build_meta as backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"
BUILT = shutil.ignore_patterns("__pycache__", "*.egg-info")


@dataclass(frozen=True)
class Built:
    """A wheel from the checkout, an sdist, and a wheel from that sdist."""

    wheel: Path
    sdist: Path
    wheel_from_sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    # A copy, for setuptools leaves files beside the source, and what an earlier build left would go into the next.
    folder = tmp_path_factory.mktemp("built")
    checkout = folder / "checkout"
    for name in (*FOLDERS, "reground"):
        shutil.copytree(ROOT / name, checkout / name, symlinks=True, ignore=BUILT)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, checkout)
    sdist = build("build_sdist", checkout, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    again = folder / sdist.name.removesuffix(".tar.gz")
    return Built(build("build_wheel", checkout, folder / "a"), sdist, build("build_wheel", again, folder / "b"))


def build(hook: str, source: Path, out: Path) -> Path:
    """Call a hook of the build backend, as pip does; the file it makes."""
    out.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", HOOK, hook, str(out)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def contents(wheel: Path) -> dict[str, bytes]:
    """Path -> bytes of a wheel's files, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def source_files() -> dict[str, Path]:
    """Path in the package -> file of the checkout."""
    files = {f"reground/{path.name}": path for path in (ROOT / "reground").iterdir() if path.is_file()}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"reground/{path.relative_to(ROOT)}"] = path
    return files


def test_the_wheel_holds_reground_alone(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"reground"}


def test_the_wheel_holds_every_file_of_the_package(built: Built) -> None:
    expected = {name: path.read_bytes() for name, path in source_files().items()}
    found = contents(built.wheel)
    assert sorted(found) == sorted(expected)
    assert found == expected
    assert "reground/py.typed" in found


def test_the_sdist_holds_each_file_once_and_no_link(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    top = {member.name.split("/")[1] for member in members if "/" in member.name}
    assert not top & set(FOLDERS) and "reground" in top


def test_a_wheel_from_the_sdist_holds_the_same_files(built: Built) -> None:
    assert contents(built.wheel_from_sdist) == contents(built.wheel)


# Installed


@pytest.fixture(scope="module")
def environment(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel in it; the folder of its commands.

    Other distributions are those of this environment, by a path file; `pip` takes them for missing.
    """
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run([*pip, "install", "--no-index", "--no-deps", str(built.wheel)], folder)
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    others = [path for path in sys.path if path.endswith("site-packages")]
    (Path(site) / "others.pth").write_text("".join(f"{path}\n" for path in others))
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with modules that share the names of the three folders, and fail where they are imported."""
    for name in FOLDERS:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the wrong {name} was imported')\n")
    return tmp_path


def run(command: list[str], folder: Path, status: int = 0) -> str:
    """Run a command with nothing of this process's import path; what it prints, on standard error too."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", [["reground"], ["python", "-m", "reground"]], ids=["command", "module"])
def test_installed_it_runs_beside_modules_of_the_same_names(
    environment: Path, elsewhere: Path, words: list[str]
) -> None:
    command = [str(environment / words[0]), *words[1:]]
    assert "reground" in run([*command, "--help"], elsewhere)
    status = run([*command, "status", "-w", "nowhere"], elsewhere, status=1)
    assert "expected a workspace at nowhere" in status


IMPORT_ALL = """
import importlib, pkgutil, sys
from pathlib import Path
import reground
home = Path(reground.__file__).parent
assert home.is_relative_to(Path(sys.prefix)), home
skipped = {"reground.__main__", "reground.annotations.label_studio.server_settings"}
for module in pkgutil.walk_packages([str(home)], "reground."):
    if module.name not in skipped:
        importlib.import_module(module.name)
loaded = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "reground"]
assert all(Path(module.__file__).is_relative_to(home) for module in loaded), loaded
print(len(loaded))
"""


@pytest.mark.slow
def test_installed_every_module_is_the_installed_one(environment: Path, elsewhere: Path) -> None:
    assert int(run([str(environment / "python"), "-c", IMPORT_ALL], elsewhere)) > 100


READ_DATA = """
import sys
from importlib.resources import files
from reground.tasks.images.classes import load_classes
assert len(load_classes()) == 1000
print(sum(len(files("reground").joinpath(name).read_bytes()) for name in sys.argv[1:]))
"""


def test_installed_its_data_files_are_read(environment: Path, elsewhere: Path) -> None:
    data = {name.removeprefix("reground/"): path for name, path in source_files().items() if path.suffix != ".py"}
    assert {".csv", ".css", ".html", ".json", ".md", ".xml"} <= {path.suffix for path in data.values()}
    total = run([str(environment / "python"), "-c", READ_DATA, *data], elsewhere)
    assert int(total) == sum(path.stat().st_size for path in data.values())


# Names


def test_the_folders_are_imported_by_their_installed_name() -> None:
    paths = [path for folder in (*FOLDERS, "reground", *OTHERS) for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 300
    for path in paths:
        assert bare_imports(path.read_text()) == [], path


@pytest.mark.parametrize(
    "line",
    [
        "import tasks",
        "import flows.cli as cli",
        "from annotations import review",
        "def load():\n    from tasks.images import index",
        "import importlib\nimportlib.import_module('flows.run.local')",
        "__import__('tasks')",
    ],
)
def test_a_bare_import_is_seen(line: str) -> None:
    assert len(bare_imports(line)) == 1


def bare_imports(source: str) -> list[str]:
    """The modules of the three folders that are imported by another name than ``reground.FOLDER``."""
    return [name for name in imported(ast.parse(source)) if name.partition(".")[0] in FOLDERS]


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module
            case ast.Call(
                func=ast.Attribute(attr="import_module" | "find_spec") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module
