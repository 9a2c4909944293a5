"""Summary of a search: outcomes, and forward passes compared with the minimum and with all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class SearchSummary:
    """Counts of one model's search; all are foregrounds unless stated otherwise.

    Attributes:
        foregrounds: number searched.
        backgrounds: number of backgrounds.
        vulnerable: wrong on some background, own group and own image included.
        clean_correct: right on the original.
        misled: of those, predicted as another group on a background of another group.
        unmapped: of those, predicted wrong only as classes in no group.
        robust: of those, right on all backgrounds of other groups.
        passes: forward passes until all verdicts are final.
        min_passes: the fewest passes that prove the verdicts: one per vulnerable foreground, ``backgrounds``
            per other foreground.
        outcome_passes: further passes until all outcomes are final.
    """

    foregrounds: int
    backgrounds: int
    vulnerable: int
    clean_correct: int
    misled: int
    unmapped: int
    robust: int
    passes: int
    min_passes: int
    outcome_passes: int

    @property
    def exhaustive(self) -> int:
        """Passes of an exhaustive search."""
        return self.foregrounds * self.backgrounds

    @property
    def ratio(self) -> float:
        """``passes / min_passes``, 1 is best; NaN if nothing is searched."""
        return self.passes / self.min_passes if self.min_passes else float("nan")

    def __str__(self) -> str:
        right = self.clean_correct
        return (
            f"challenge accuracy {_percent(self.foregrounds - self.vulnerable, self.foregrounds)} as published "
            f"({self.vulnerable:,} of {self.foregrounds:,} foregrounds are fooled by one of {self.backgrounds:,} "
            f"backgrounds); right on the original {_percent(right, self.foregrounds)}, and of these, on backgrounds of "
            f"other groups, misled {_percent(self.misled, right)}, only unmapped {_percent(self.unmapped, right)}, "
            f"robust {_percent(self.robust, right)}. Verdicts took {self.passes:,} forward passes, {self.ratio:.2f} "
            f"times the minimum ({self.min_passes:,}; all pairs: {self.exhaustive:,}), the outcomes "
            f"{self.outcome_passes:,} more"
        )


def summarize_search(rows: pd.DataFrame, backgrounds: int) -> SearchSummary:
    """Summarize a search.

    Args:
        rows: rows of ``adversarial/MODEL``.
        backgrounds: number of rows of ``adversarial_pool/MODEL``.
    """
    vulnerable = int(rows["vulnerable"].sum())
    outcomes = rows["outcome"].value_counts()
    return SearchSummary(
        foregrounds=len(rows),
        backgrounds=backgrounds,
        vulnerable=vulnerable,
        clean_correct=int(rows["clean_correct"].sum()),
        misled=int(outcomes.get("misled", 0)),
        unmapped=int(outcomes.get("unmapped", 0)),
        robust=int(outcomes.get("robust", 0)),
        passes=int(rows["passes"].sum()),
        min_passes=vulnerable + (len(rows) - vulnerable) * backgrounds,
        outcome_passes=int(rows["outcome_passes"].sum()),
    )


def summaries(workspace: Workspace) -> dict[str, SearchSummary]:
    """The summary of every search in a workspace, by the model's name in tables."""
    slugs = [table.partition("/")[2] for table in workspace.tables() if table.startswith("adversarial_pool/")]
    columns = ["image_id", "vulnerable", "clean_correct", "outcome", "passes", "outcome_passes"]
    return {
        slug: summarize_search(
            workspace.read(f"adversarial/{slug}", columns),
            sum(part.rows for _, part in workspace.parts(f"adversarial_pool/{slug}")),
        )
        for slug in slugs
    }


def _percent(part: int, total: int) -> str:
    return f"{part / total:.1%}" if total else "of none"
