"""What ``reground review`` says on the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.flows.cli.main import main
from reground.flows.cli.review import _annotator
from tests.support.tables import annotator


@pytest.mark.parametrize(
    ("count_excluded", "said"), [(False, "EXCLUDED: slept"), (True, "below the bounds, but counted: slept")]
)
def test_an_excluded_annotator_whose_votes_count_is_not_called_excluded(count_excluded: bool, said: str) -> None:
    row = annotator("label-studio:7", excluded="slept", votes=1, tasks=2)
    first, *_, last = _annotator(row, count_excluded)
    assert last == said and first.endswith("1 vote in 2 tasks")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ask", "disagreed"], "--to EMAIL together"),
        (["--to", "eve@lab.org"], "--to EMAIL together"),
        (["--ask", "suspects", "--to", "eve@lab.org"], "--to EMAIL together"),
        (["--ask", "suspects", "--show-votes"], "--show-votes only with them"),
        (["--ask", "suspects", "--question", "contains"], "a question of its own"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", "push", "-w", str(tmp_path / "w"), *options]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
