"""Small judged sets to export."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.workspace import Workspace
from tests.support.export_world import IMAGENET, STRANGE, judged


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return judged(tmp_path, IMAGENET)


@pytest.fixture
def strange(tmp_path: Path) -> Workspace:
    return judged(tmp_path, IMAGENET | STRANGE)
