"""A curator is asked by a flow run as by the command, and a flow run collects what the curator decides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reground.flows.cli.main import main
from tests.support.curator_world import DOG, Review, tie
from tests.support.label_studio_world import LabelStudio

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]


def test_a_flow_run_asks_the_curator_and_collects_the_decision(
    label_studio: LabelStudio,
    tmp_path: Path,
    prefect_api: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.environ["REGROUND_LABEL_STUDIO_TOKEN"] = label_studio.server.credentials.token
    review = Review(label_studio, tmp_path)
    tie(review)
    where = ["-w", review.workspace.url, "--url", review.settings.url]
    ask = ["review", "push", "--ask", "disagreed", *where, "--document-root", review.settings.document_root]
    assert main([*ask, "--to", "who@x.local", "--prefect", prefect_api]) != 0
    assert "got 'who@x.local'" in capsys.readouterr().err
    assert main([*ask, "--to", review.addresses["eve"], "--show-votes", "--prefect", prefect_api]) == 0
    task = review.task(DOG, "decide")
    with label_studio.client() as client:
        ((_, data),) = client.list_tasks(task.project_id)
    assert "1 yes, 1 no" in str(data)
    assert main([*ask, "--to", review.addresses["eve"], "--prefect", prefect_api]) == 0
    assert review.task(DOG, "decide") == task
    review.decide("eve", DOG, 251)
    assert main(["review", "pull", *where, "--prefect", prefect_api]) == 0
    assert review.decisions() == {(DOG, 251): ("yes", "eve"), (DOG, 246): ("no", "eve")}
