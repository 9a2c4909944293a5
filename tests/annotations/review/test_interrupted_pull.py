"""Pulls in processes of their own, killed by the system or side by side, end as one that runs alone."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from reground.annotations.review import ReviewSettings, pull_votes, push_disputes
from reground.tasks.workspace import Workspace
from tests.support.curator_world import DOG, EAGLE, Review, tie
from tests.support.label_studio_world import LabelStudio, files_of

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

MOMENTS = (0, 1, 2, 5, 9, 14)
"""Files that are written before the kill."""


def pull(url: str, settings: ReviewSettings, num_files: int | None = None) -> None:
    """Pull; SIGKILL comes when so many files are stored, and the next is written but not yet in its place."""
    sync, left = os.fsync, num_files

    def sync_or_die(handle: int) -> None:
        nonlocal left
        sync(handle)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left = None if left is None else left - 1

    os.fsync = sync_or_die
    pull_votes(Workspace(url), settings)


def start(workspace: Workspace, settings: ReviewSettings, num_files: int | None = None) -> multiprocessing.Process:
    process = multiprocessing.get_context("spawn").Process(target=pull, args=(workspace.url, settings, num_files))
    process.start()  # type: ignore[reportReturnType]
    return process  # type: ignore[reportReturnType]


def relative_files(workspace: Workspace) -> dict[str, str]:
    workspace.sweep()
    return {path.removeprefix(workspace.url): sha for path, sha in files_of(workspace).items()}


@pytest.fixture
def half_pulled(label_studio: LabelStudio, tmp_path: Path) -> Review:
    """Votes that are collected, and a decision, a correction and a further vote that are not."""
    review = Review(label_studio, tmp_path)
    tie(review)
    push_disputes(review.workspace, review.settings, review.addresses["eve"])
    review.settings = replace(review.settings, curators=(review.addresses["eve"],))
    corrected = review.answer("ann", EAGLE, 22)
    review.pull()
    review.edit("eve", corrected, [])
    review.answer("bob", EAGLE, 21)
    review.decide("eve", DOG, 251)
    return review


def copy_of(review: Review, target: Path) -> Workspace:
    shutil.copytree(review.workspace.url, target, symlinks=True)
    return Workspace(target)


def test_a_killed_process_costs_nothing(half_pulled: Review, tmp_path: Path) -> None:
    settings = half_pulled.settings
    whole = copy_of(half_pulled, tmp_path / "whole")
    pull_votes(whole, settings)
    expected = relative_files(whole)
    exits = []
    for moment in MOMENTS:
        workspace = copy_of(half_pulled, tmp_path / f"killed-{moment}")
        process = start(workspace, settings, moment)
        process.join()
        exits.append(process.exitcode)
        pull_votes(Workspace(workspace.url), settings)
        assert relative_files(Workspace(workspace.url)) == expected, moment
    assert exits.count(-signal.SIGKILL) >= 4, exits


def test_two_at_once_end_as_one(half_pulled: Review, tmp_path: Path) -> None:
    settings = half_pulled.settings
    whole, workspace = copy_of(half_pulled, tmp_path / "whole"), copy_of(half_pulled, tmp_path / "both")
    pull_votes(whole, settings)
    processes = [start(workspace, settings) for _ in range(2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert relative_files(Workspace(workspace.url)) == relative_files(whole)
