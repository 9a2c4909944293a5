"""Exclusion: by which rule an annotator's votes do not count. Reads ``annotators``.

The votes stay; truth leaves them out. Every reason says what was found and what the rule asks for. A
changed rule takes people back in: whoever it no longer touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reground.tasks.workspace import Workspace


@dataclass(frozen=True)
class Rule:
    """Who is left out; a bound of 0 never leaves anybody out.

    Attributes:
        gold_below: the upper end of the 95 % interval of their accuracy on gold and controls lies below it.
        agreement_below: they agree with the majority of the others on a smaller share,
        agreement_votes: of at least so many votes.
        seconds_below: their median time for a task is shorter,
        seconds_tasks: over at least so many tasks. It is the floor of ``fast_share`` too.
        same_below: they answer everything the same, and chance would do so more seldom than this.
    """

    gold_below: float = 0.7
    agreement_below: float = 0.5
    agreement_votes: int = 100
    seconds_below: float = 1.5
    seconds_tasks: int = 5
    same_below: float = 1e-6


def reason(person: Mapping[str, Any], same: Mapping[str, float], rule: Rule) -> str | None:
    """Why somebody's votes do not count; None if they do.

    Args:
        person: the other columns of their row in ``annotators``.
        same: what they do alike everywhere, in words -> the chance of it.
        rule: the bounds.
    """
    found: list[str] = []
    high, agreement, seconds = (person[name] for name in ("gold_high", "agreement", "seconds_per_task"))
    if high is not None and high < rule.gold_below:
        found.append(
            f"{person['gold_correct']} of {person['gold_n']} known answers right: at most {high:.2f}, "
            f"{rule.gold_below:g} is asked for"
        )
    if agreement is not None and person["agreement_n"] >= rule.agreement_votes and agreement < rule.agreement_below:
        found.append(
            f"agrees with the majority of the others on {agreement:.2f} of {person['agreement_n']} votes, "
            f"{rule.agreement_below:g} is asked for"
        )
    if seconds is not None and person["tasks"] >= rule.seconds_tasks and seconds < rule.seconds_below:
        found.append(f"takes {seconds:.1f} s for a task (median of {person['tasks']}), {rule.seconds_below:g} is least")
    found += [f"{what}: by chance once in {_once(chance)}" for what, chance in same.items() if chance < rule.same_below]
    return "; ".join(found) or None


def excluded(workspace: Workspace) -> list[str]:
    """The annotator_ids whose votes do not count, in order."""
    table = workspace.read("annotators", ["annotator_id", "excluded"])
    return sorted(table.loc[table["excluded"].notna(), "annotator_id"].unique().tolist())


def _once(chance: float) -> str:
    return f"{1 / chance:.0e}" if chance > 1e-300 else "more than 1e+300"
