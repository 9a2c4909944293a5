"""Fixtures: one real Label Studio for the whole run (30 s to start)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.label_studio_world import LabelStudio
from tests.support.needs import need_label_studio


@pytest.fixture(scope="session")
def label_studio_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudio]:
    need_label_studio()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = LabelStudio(tmp_path_factory.mktemp("label-studio"), port)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def label_studio(label_studio_process: LabelStudio, monkeypatch: pytest.MonkeyPatch) -> LabelStudio:
    """The server, with its token where a user would put it."""
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", label_studio_process.server.credentials.token)
    return label_studio_process
