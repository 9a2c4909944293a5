"""The workspace that rounds are planned on."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.workspace import Workspace
from tests.support.tables import candidate, class_row, image, put


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Twelve images of three classes, each a candidate for its own class and the next."""
    made = Workspace(tmp_path / "w")
    put(made, "images", [{**image(f"i{n:02d}", n % 3), "sha256": f"{n:064x}"} for n in range(12)])
    put(made, "classes", [class_row(n) for n in range(5)])
    put(made, "candidates", [candidate(f"i{n:02d}", (n + k) % 3) for n in range(12) for k in (0, 1)])
    return made
