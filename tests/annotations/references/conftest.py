"""Workspaces to import into."""

from __future__ import annotations

import pytest

from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, image, put


@pytest.fixture
def empty(workspace_url: str) -> Workspace:
    """A workspace without images and classes."""
    return Workspace(workspace_url)


@pytest.fixture
def pets(workspace_url: str) -> Workspace:
    """Images a, b and c, and the classes cat, dog and pug."""
    made = Workspace(workspace_url)
    put(made, "classes", [class_row(3, "cat"), class_row(7, "dog"), class_row(8, "pug")])
    put(made, "images", [image("a", 7), image("b", 7), image("c", 3)])
    return made
