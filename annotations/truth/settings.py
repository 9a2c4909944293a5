"""Settings of the truth: how votes become labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from reground.tasks.votes import GOLDEN_SET, VotePolicy
from reground.tasks.workspace import Fault, PositiveInt, Share

NO_SOURCE: Final = "none"
"""Word for no source at all: an empty text takes the setting back."""


@dataclass(frozen=True)
class TruthSettings:
    """How votes become labels.

    Attributes:
        method: aggregation of votes: ``selection-frequency``, ``dawid-skene`` or ``joint``.
        min_annotators: people who must have judged an image's original label, and any label that may hold, for
            the image to be settled (5 in the published routing).
        ratio: another label is confident in CONTAINS when its selection frequency is at least
            this share of the original label's (0.5 in the published routing).
        keep: smallest confidence of a label that is kept, 0 to 1 (0.8 in the published ReaL labels).
        hold_out: sources whose votes do not count, kept to evaluate against; ``none``: all sources count.
        count_excluded: count the votes of annotators excluded by the rule `review.exclude` too.
        count_gold: count answers on pairs whose answer is known (`reground gold import`) too.
    """

    method: Literal["selection-frequency", "dawid-skene", "joint"] = "selection-frequency"
    min_annotators: PositiveInt = 5
    ratio: Share = 0.5
    keep: Share = 0.5
    hold_out: tuple[str, ...] = GOLDEN_SET
    count_excluded: bool = False
    count_gold: bool = False

    @property
    def policy(self) -> VotePolicy:
        """The policy that these settings ask for."""
        held_out = frozenset(self.hold_out) - {NO_SOURCE}
        return VotePolicy(held_out, self.count_excluded, self.count_gold, self.ratio, self.keep)


def faults(settings: TruthSettings) -> Iterator[Fault]:
    """The faults of settings that types do not show."""
    if NO_SOURCE in settings.hold_out and len(settings.hold_out) > 1:
        others = ", ".join(name for name in settings.hold_out if name != NO_SOURCE)
        yield Fault("hold_out", f"expected sources, or `{NO_SOURCE}` alone, got it beside {others}")
