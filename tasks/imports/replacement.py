"""Replacement: an import may add to what an earlier one brought under the same name, and take away only if asked to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from reground.tasks.errors import UsageError


def check_replacement(stored: pd.DataFrame, incoming: Sequence[pd.DataFrame], kind: str, alternative: str) -> None:
    """Check that every stored row comes again, with the same values.

    Args:
        stored: rows of the earlier import: the columns that matter.
        incoming: rows of this import, with the same columns.
        kind: what the rows are: "votes of the source 'crowd'".
        alternative: how both can be kept: "give this file another --source".

    Raises:
        UsageError: a row would be gone or changed; says how many, and what to do.
    """
    hashes = [np.zeros(0, np.uint64), *(_hashes(part) for part in incoming)]
    lost = stored[~np.isin(_hashes(stored), np.concatenate(hashes))]
    if len(lost):
        first = ", ".join(f"{name} {value}" for name, value in lost.iloc[0].items())
        raise UsageError(
            f"this import would remove or change {len(lost):,} of the {len(stored):,} {kind} that an earlier import "
            f"brought (first: {first}). Give --replace if it should; to keep both, {alternative}."
        )


def _hashes(rows: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """``(rows,)``: equal rows have the same."""
    text = rows.apply(lambda column: column.map(str) if column.dtype == object else column)
    return pd.util.hash_pandas_object(text, index=False).to_numpy().astype(np.uint64, copy=False)
