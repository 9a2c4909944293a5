"""A real Prefect server for the tests of a session."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import httpx
import pytest

from reground.flows.run import prefect_server


@pytest.fixture(scope="session")
def prefect_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a folder of its own, which must be gone once it is stopped."""
    home = tmp_path_factory.mktemp("prefect")
    with prefect_server(home) as api_url:
        yield api_url
    assert (home / "prefect.db").is_file()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{api_url}/health")


@pytest.fixture
def prefect_api(prefect_once: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its API's address, in an environment that other tests do not see afterwards."""
    before = dict(os.environ)
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("client"))
    os.environ.pop("PREFECT_API_URL", None)
    yield prefect_once
    os.environ.clear()
    os.environ.update(before)
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
