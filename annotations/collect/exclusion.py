"""Exclusion: by which rule an annotator's votes do not count.

The votes stay; truth leaves them out. Every reason says what was found and what the rule asks for. A
changed rule takes people back in: whoever it no longer touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reground.annotations.rounds import ExclusionRule
from reground.tasks.schema import AnnotatorRow


def exclude(
    people: Iterable[AnnotatorRow], same: Mapping[str, Mapping[str, float]], rule: ExclusionRule
) -> list[AnnotatorRow]:
    """Rows of ``annotators`` with the reason why somebody's votes do not count.

    Args:
        people: rows that exclude nobody.
        same: as `reground.annotations.collect.straightlining.straightlining_patterns` gives it.
        rule: the bounds.
    """
    return [{**row, "excluded": reason(row, same.get(row["annotator_id"], {}), rule)} for row in people]


def reason(person: Mapping[str, Any], same: Mapping[str, float], rule: ExclusionRule) -> str | None:
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


def _once(chance: float) -> str:
    return f"{1 / chance:.0e}" if chance > 1e-300 else "more than 1e+300"
