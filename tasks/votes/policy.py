"""The vote policy: which votes count, and the thresholds on them. Stored with the truth that it made.

One rule for everybody: the policy is that of the truth in the workspace, whatever the settings say by now.
Before the first truth, commands that plan a round or watch it take it from the settings of truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import pyarrow as pa

from reground.tasks.errors import RegroundError
from reground.tasks.schema import VotePolicyRow
from reground.tasks.votes.vocabulary import GOLDEN_SET
from reground.tasks.workspace import Workspace

POLICY_TABLE: Final = "vote_policy"


@dataclass(frozen=True)
class VotePolicy:
    """Which votes count, and from which share on they decide.

    Attributes:
        held_out_sources: sources whose votes do not count, kept to evaluate against.
        count_excluded: votes of annotators whom the exclusion rule excludes count all the same.
        count_gold: answers on pairs with a known answer (table ``gold``) count too. They measure the annotators; the
            answer is known without them.
        ratio: a label is confident in CONTAINS from this share of the original label's selection frequency
            on, 0 to 1 (0.5 in Tsipras et al. 2020).
        keep: confidence from which on a label is kept, 0 to 1 (0.8 in the published ReaL labels).
    """

    held_out_sources: frozenset[str] = frozenset(GOLDEN_SET)
    count_excluded: bool = False
    count_gold: bool = False
    ratio: float = 0.5
    keep: float = 0.5

    def row(self) -> VotePolicyRow:
        """The one row of ``vote_policy``."""
        return {**asdict(self), "held_out_sources": sorted(self.held_out_sources)}  # type: ignore[return-value]

    def sentences(self) -> Iterator[str]:
        """The policy for a person to read, without full stops."""
        yield f"votes of held-out sources do not count: {', '.join(sorted(self.held_out_sources)) or 'none'}"
        counted = "count all the same" if self.count_excluded else "do not count"
        yield f"votes of excluded annotators {counted}"
        yield f"answers on pairs whose answer is known {'count too' if self.count_gold else 'do not count'}"
        yield f"labels are kept from confidence {self.keep:g} on"
        yield f"labels are confident in CONTAINS from {self.ratio:g} of the original label's selection frequency on"


DEFAULT_POLICY: Final = VotePolicy()
"""What the defaults of the settings ask for."""


def truth_policy(workspace: Workspace) -> VotePolicy:
    """The policy of the truth in the workspace.

    Raises:
        RegroundError: there is no truth yet, or it was made without recording its policy.
    """
    workspace.require("truth", "truth")
    policy = parse_policy(workspace.read_arrow(POLICY_TABLE))
    if policy is None:
        raise RegroundError(
            f"expected the policy of the truth (which votes count) in the table '{POLICY_TABLE}' of {workspace.url}, "
            f"found none: an older version of reground made this truth. "
            f"Run `reground truth -w {workspace.shell_url}` again."
        )
    return policy


def current_policy(workspace: Workspace, before_truth: VotePolicy) -> VotePolicy:
    """The policy of the truth in the workspace; before the first truth the one given by settings.

    Raises:
        RegroundError: the truth was made without recording its policy.
    """
    return truth_policy(workspace) if workspace.parts("truth") else before_truth


def parse_policy(rows: pa.Table) -> VotePolicy | None:
    """The policy in the rows of ``vote_policy``; None: no row."""
    if not len(rows):
        return None
    (row,) = rows.to_pylist()
    return VotePolicy(**{**row, "held_out_sources": frozenset(row["held_out_sources"])})
