"""An import may add rows; one that removes or changes some is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from reground.tasks.errors import UsageError
from reground.tasks.imports import check_replacement

STORED = pd.DataFrame({"image_id": ["a", "b"], "class_idx": [[3, 7], [8]], "rank": [1, 2]})
ADDED = pd.DataFrame({"image_id": ["c"], "class_idx": [[3]], "rank": [3]})


def check(*incoming: pd.DataFrame) -> None:
    check_replacement(STORED, list(incoming), "rows of 'x'", "name another")


def test_rows_may_be_added_in_any_order() -> None:
    check(ADDED, STORED.iloc[::-1])
    check(STORED)


def test_rows_that_are_gone_or_changed_are_told() -> None:
    with pytest.raises(UsageError, match=r"remove or change 1 of the 2 rows of 'x' .*first: image_id b.* name another"):
        check(STORED.head(1), ADDED)
    with pytest.raises(UsageError, match="remove or change 2 of the 2"):
        check()
    with pytest.raises(UsageError, match=r"1 of the 2 .*class_idx \[3, 7\]"):
        check(STORED.assign(class_idx=[[7, 3], [8]]))
