"""Forward passes of a search, compared with the minimum and with an exhaustive search."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class SearchSummary:
    """Counts of one model's search.

    Attributes:
        foregrounds: searched.
        backgrounds: there are.
        vulnerable: foregrounds that some background, own group and own image included, turns wrong.
        clean_correct: foregrounds right on the original.
        misled: of those, turned into another group by a background of another group.
        unmapped: of those, turned only into classes in no group.
        robust: of those, withstanding all backgrounds of other groups.
        passes: forward passes until every verdict was known.
        min_passes: the fewest that prove these verdicts: one for each vulnerable foreground, all for each other.
        outcome_passes: further passes until every outcome was known.
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
        """Passes that trying every pair takes."""
        return self.foregrounds * self.backgrounds

    @property
    def ratio(self) -> float:
        """Passes over the least possible, 1 is best; NaN where nothing was searched."""
        return self.passes / self.min_passes if self.min_passes else float("nan")

    def __str__(self) -> str:
        right = self.clean_correct
        return (
            f"challenge accuracy {_percent(self.foregrounds - self.vulnerable, self.foregrounds)} as published "
            f"({self.vulnerable:,} of {self.foregrounds:,} foregrounds are fooled by some of {self.backgrounds:,} "
            f"backgrounds); right to begin with {_percent(right, self.foregrounds)}, and of these, on backgrounds of "
            f"other groups, misled {_percent(self.misled, right)}, only unmapped {_percent(self.unmapped, right)}, "
            f"robust {_percent(self.robust, right)}. Verdicts took {self.passes:,} forward passes, {self.ratio:.2f} "
            f"times the least possible ({self.min_passes:,}; all pairs: {self.exhaustive:,}), the outcomes "
            f"{self.outcome_passes:,} more"
        )


def summarize(searched: pd.DataFrame, backgrounds: int) -> SearchSummary:
    """The counts of a search.

    Args:
        searched: rows of ``adversarial/MODEL``.
        backgrounds: rows of ``adversarial_pool/MODEL``.
    """
    vulnerable = int(searched["vulnerable"].sum())
    outcomes = searched["outcome"].value_counts()
    return SearchSummary(
        foregrounds=len(searched),
        backgrounds=backgrounds,
        vulnerable=vulnerable,
        clean_correct=int(searched["clean_correct"].sum()),
        misled=int(outcomes.get("misled", 0)),
        unmapped=int(outcomes.get("unmapped", 0)),
        robust=int(outcomes.get("robust", 0)),
        passes=int(searched["passes"].sum()),
        min_passes=vulnerable + (len(searched) - vulnerable) * backgrounds,
        outcome_passes=int(searched["outcome_passes"].sum()),
    )


def summaries(workspace: Workspace) -> dict[str, SearchSummary]:
    """The counts of every search in a workspace, by the model's name in tables."""
    slugs = [table.partition("/")[2] for table in workspace.tables() if table.startswith("adversarial_pool/")]
    needed = ["image_id", "vulnerable", "clean_correct", "outcome", "passes", "outcome_passes"]
    return {
        slug: summarize(
            workspace.read(f"adversarial/{slug}", needed),
            sum(part.rows for _, part in workspace.parts(f"adversarial_pool/{slug}")),
        )
        for slug in slugs
    }


def _percent(part: int, of: int) -> str:
    return f"{part / of:.1%}" if of else "of none"
