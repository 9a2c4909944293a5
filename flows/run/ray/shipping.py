"""The installed package as a folder that Ray sends to the nodes of a cluster."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Final

PACKAGE: Final = __name__.partition(".")[0]
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".gitignore", ".rayignore")
"""Ray leaves out, and does not say so, what an ignore file inside the package names."""


def copy_package(folder: Path) -> Path:
    """Copy the package into ``folder``, with what its symbolic links lead to. Returns the copy.

    The copy is what runs on every node, also where another version is installed; the packages it needs are not part
    of it.
    """
    spec = importlib.util.find_spec(PACKAGE)
    assert spec and spec.origin
    source = Path(spec.origin).parent
    return Path(shutil.copytree(source, folder / source.name, ignore=LEFT_OUT))
