"""An empty workspace to import into."""

from __future__ import annotations

import pytest

from reground.tasks.workspace import Workspace


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    return Workspace(workspace_url)
