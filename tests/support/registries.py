"""What a test registers in this process is gone after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reground.annotations import published
from reground.tasks import export, masks, models

REGISTRIES = (models.REGISTRY, masks.REGISTRY, export.REGISTRY, published.REGISTRY)


@pytest.fixture
def registrations() -> Iterator[None]:
    yield
    for registry in REGISTRIES:
        registry.unregister_all()
    models.load.cache_clear()
