"""Distributions with entry points, as an installer leaves them: built for real, or written file by file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from reground.tasks import plugins
from tests.support.needs import ROOT

EXAMPLE = ROOT / "tests" / "plugin"


def install_example(folder: Path, version: str = "1.0") -> Path:
    """Build the example distribution and install it below a folder; gives the folder for the import path."""
    # A copy, for building leaves files beside the source.
    source = shutil.copytree(EXAMPLE, folder / f"source-{version}", ignore=shutil.ignore_patterns("__pycache__"))
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "1.0"', f'version = "{version}"'))
    target = folder / f"installed-{version}"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--target", str(target), str(source)], check=True, capture_output=True)
    return target


def write_distribution(
    site: Path, name: str, points: Mapping[str, Mapping[str, str]], module: str = "", version: str = "1.0"
) -> None:
    """Write the metadata of a distribution, and its one module.

    Args:
        site: folder on the import path.
        name: of the distribution; its module has the same name with underscores.
        points: group -> name -> MODULE:ATTRIBUTE.
        module: source.
        version: of the distribution.
    """
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    sections = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in named.items())
        for group, named in points.items()
    )
    (metadata / "entry_points.txt").write_text("\n".join(sections))
    (site / f"{name.replace('-', '_')}.py").write_text(module)


@contextmanager
def import_path(site: Path) -> Iterator[None]:
    """Distributions below ``site`` are installed, in this process and while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        plugins.forget_installed()
        before = set(sys.modules)
        try:
            yield
        finally:
            plugins.forget_installed()
            for name in set(sys.modules) - before:
                if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
                    del sys.modules[name]
