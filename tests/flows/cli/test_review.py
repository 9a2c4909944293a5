"""What ``reground review`` says on the terminal."""

from __future__ import annotations

import pytest

from reground.flows.cli.review import _annotator
from tests.support.tables import annotator


@pytest.mark.parametrize(
    ("count_excluded", "said"), [(False, "EXCLUDED: slept"), (True, "below the bounds, but counted: slept")]
)
def test_an_excluded_annotator_whose_votes_count_is_not_called_excluded(count_excluded: bool, said: str) -> None:
    row = annotator("label-studio:7", excluded="slept", votes=1, tasks=2)
    first, *_, last = _annotator(row, count_excluded)
    assert last == said and first.endswith("1 vote in 2 tasks")
