"""Rows that an import leaves out: what is said of them, and that an import of nothing is an error."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reground.tasks.errors import UsageError
from reground.tasks.schema import DroppedRow

log = logging.getLogger(__name__)


def check_rows_left(path: Path, expected: str, num_rows: int, dropped: Sequence[DroppedRow]) -> None:
    """Check that an import brings anything.

    Args:
        path: of the imported file.
        expected: what its rows should be: "one answer a line".
        num_rows: rows that are imported.
        dropped: rows that are left out.

    Raises:
        UsageError: no row is imported; the message has the first row of each reason.
    """
    if not num_rows:
        detail = f"none of the {len(dropped):,} can be used: {summarize_drops(dropped)}" if dropped else "found none"
        raise UsageError(f"{path}: expected {expected}, on images and classes of this workspace, but {detail}")


def log_drops(path: Path, dropped: Sequence[DroppedRow]) -> None:
    """Warn of the rows that are left out."""
    if dropped:
        log.warning("%s: left out %s (table 'dropped')", path, summarize_drops(dropped))


def summarize_drops(dropped: Sequence[DroppedRow]) -> str:
    """How many rows have each reason, and the first of them.

    Examples:
        >>> row = {"stage": "gold-import", "item": "line 3", "reason": "image_unknown", "detail": "no image b"}
        >>> summarize_drops([row, {**row, "item": "line 7"}])
        '2 image_unknown (first: line 3: no image b)'
    """
    first: dict[str, DroppedRow] = {}
    for row in dropped:
        first.setdefault(row["reason"], row)
    counts = Counter(row["reason"] for row in dropped)
    return "; ".join(
        f"{count:,} {reason} (first: {first[reason]['item']}: {first[reason]['detail']})"
        for reason, count in counts.most_common()
    )
