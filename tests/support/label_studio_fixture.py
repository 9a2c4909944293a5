"""Fixtures: one real Label Studio for the tests of a worker."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reground.annotations.label_studio import run_server
from tests.support.label_studio_world import LabelStudio
from tests.support.needs import need_label_studio
from tests.support.once import made_once


@pytest.fixture(scope="session")
def label_studio_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of a Label Studio that was started once and has ended, to copy: its migrations take half a minute."""
    need_label_studio()
    return made_once(tmp_path_factory, "label-studio-data", _migrate)


def _migrate(data: Path) -> None:
    before = os.umask(0o022)  # the modes of files are the server's doing
    try:
        with run_server(data, 0, data.with_name("label-studio-documents")):
            pass
    finally:
        os.umask(before)


@pytest.fixture(scope="session")
def label_studio_process(label_studio_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudio]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = LabelStudio(tmp_path_factory.mktemp("label-studio"), port)
    shutil.copytree(label_studio_data, started.root / "data")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def label_studio(label_studio_process: LabelStudio, monkeypatch: pytest.MonkeyPatch) -> LabelStudio:
    """The server, with its token where a user would put it."""
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", label_studio_process.server.credentials.token)
    return label_studio_process
