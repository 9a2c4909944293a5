"""No model outlives a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reground.tasks import models


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    models.load.cache_clear()
