"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.bucket import bucket, s3_address
from tests.support.prefect_fixture import prefect_api, prefect_once
from tests.support.world import World, make_world

__all__ = ["bucket", "s3_address", "prefect_api", "prefect_once"]

settings.register_profile(
    "reground",
    deadline=None,  # a busy machine is slow, not wrong
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
    print_blob=True,
)
settings.load_profile("reground")


@pytest.fixture(scope="session", autouse=True)
def user_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests leave the data folder of whoever runs them alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user-data")))
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def workspace_url(tmp_path: Path) -> str:
    return str(tmp_path / "workspace")
