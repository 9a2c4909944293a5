"""What a worker does with its calls, without Ray."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from reground.flows import steps
from reground.flows.run.ray.step import _require_files
from reground.flows.run.ray.worker import Report, Worker
from reground.flows.settings import resolve
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Workspace, todo
from tests.support.curation import curate_settings
from tests.support.world import World


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("PYTHON_CPU_COUNT", "7")
    return Worker(2)


def report_of(worker: Worker, workspace: Workspace, world: World) -> Report:
    settings = resolve(workspace, curate_settings(world)).settings.index
    shards = todo(steps.find("index"), workspace, settings).missing[:2]
    return worker.run("index", workspace.url, settings, shards)


def test_a_worker_makes_shards_and_lists_none(worker: Worker, world: World, workspace_url: str) -> None:
    assert cores() == 2
    report = report_of(worker, Workspace(workspace_url), world)
    assert len(report.batch.entries) == 2 and report.batch.error is None and report.waited >= 0
    assert Workspace(workspace_url).entries() == []
    _require_files(Workspace(workspace_url), report)


def test_warnings_travel_with_the_result(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(*_: object) -> None:
        logging.getLogger("reground.tasks.predictions").warning("right on %d of %d", 1, 900)
        logging.getLogger("reground.tasks.predictions").info("not this")

    monkeypatch.setattr("reground.flows.run.ray.worker.make_batch", warn)
    logger = logging.getLogger("reground")
    before = list(logger.handlers)
    assert worker.run("predict", "w", None, []).log == [
        ("reground.tasks.predictions", logging.WARNING, "right on 1 of 900")
    ]
    assert logger.handlers == before


def test_files_that_are_elsewhere_are_never_listed(worker: Worker, world: World, tmp_path: Path) -> None:
    report = report_of(worker, Workspace(tmp_path / "there"), world)
    with pytest.raises(RegroundError, match=rf"on the machine {report.machine} has written: it is not here"):
        _require_files(Workspace(tmp_path / "here"), report)
