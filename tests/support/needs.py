"""What a test needs that a user's machine may lack: without it the test skips, but with ``CI=true`` it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""A folder beside the project that some machines have: published data, and inputs that once failed."""
FIFTYONE = ROOT / ".venv-fiftyone" / "bin" / "python"
LABEL_STUDIO = ROOT / ".venv-label-studio" / "bin" / "label-studio"


def need(there: object, what: str) -> None:
    """Skip a test for want of ``what``; in CI, fail it."""
    if there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"needs {what}, and in CI nothing skips")
    pytest.skip(f"needs {what}")


def need_package(name: str) -> None:
    need(importlib.util.find_spec(name), f"the package {name}")


def need_chromium() -> str:
    found = shutil.which("chromium")
    need(found, "Chromium (Debian's package chromium)")
    return str(found)


def need_postgresql() -> Path:
    """The folder of PostgreSQL's programs, of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    need(found, "PostgreSQL (Debian's package postgresql)")
    return found[-1].parent


def need_label_studio() -> Path:
    need(LABEL_STUDIO.exists(), f"Label Studio in {LABEL_STUDIO.parent.parent} (`make label-studio`)")
    return LABEL_STUDIO


def need_fiftyone() -> Path:
    need(FIFTYONE.exists(), f"FiftyOne in {FIFTYONE.parent.parent} (`make fiftyone`)")
    return FIFTYONE


def need_shared(name: str) -> Path:
    """A file or folder of published data in `SHARED`."""
    return _need_path(SHARED / "data" / name)


def need_case(name: str) -> Path:
    """A file or folder of an input in `SHARED` that once failed."""
    return _need_path(SHARED / "cases" / name)


def _need_path(path: Path) -> Path:
    """Skips wherever there is no `SHARED`, in CI too; where it is there, all of it is needed."""
    if not SHARED.is_dir():
        pytest.skip(f"needs {path}")
    need(path.exists(), str(path))
    return path
