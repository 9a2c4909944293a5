"""What a test needs that a user's machine may lack. With ``CI=true`` nothing skips but `shared`."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
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


def need_label_studio() -> Path:
    need(LABEL_STUDIO.exists(), f"Label Studio in {LABEL_STUDIO.parent.parent} (`make label-studio`)")
    return LABEL_STUDIO


def need_fiftyone() -> Path:
    need(FIFTYONE.exists(), f"FiftyOne in {FIFTYONE.parent.parent} (`make fiftyone`)")
    return FIFTYONE


def need_shared(name: str) -> Path:
    """A folder of real data beside the project; skips wherever it is missing, in CI too."""
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"needs the real data in {folder}")
    return folder
