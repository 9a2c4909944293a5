"""Exclusion: the rule by which an annotator's votes do not count.

The votes are kept; truth leaves them out. Every reason gives the measured value and the bound. A changed rule
includes annotators again to whom it no longer applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reground.annotations.rounds import ExclusionRule
from reground.tasks.schema import AnnotatorRow


def apply_rule(
    annotators: Iterable[AnnotatorRow], patterns: Mapping[str, Mapping[str, float]], rule: ExclusionRule
) -> list[AnnotatorRow]:
    """Rows of ``annotators`` with the reason for exclusion.

    Args:
        annotators: rows without exclusions.
        patterns: as `reground.annotations.collect.straightlining.straightlining_patterns` returns them.
        rule: the bounds.
    """
    return [
        {**row, "excluded": exclusion_reason(row, patterns.get(row["annotator_id"], {}), rule)} for row in annotators
    ]


def exclusion_reason(row: Mapping[str, Any], patterns: Mapping[str, float], rule: ExclusionRule) -> str | None:
    """Why an annotator's votes do not count; None: they count.

    Args:
        row: the other columns of ``annotators``.
        patterns: straightlining pattern in words -> its probability by chance.
        rule: the bounds.
    """
    reasons: list[str] = []
    gold_high, agreement, seconds = row["gold_high"], row["agreement"], row["seconds_per_task"]
    if gold_high is not None and gold_high < rule.min_gold_accuracy:
        reasons.append(
            f"{row['gold_correct']} of {row['gold_n']} known answers correct: accuracy at most {gold_high:.2f}, "
            f"at least {rule.min_gold_accuracy:g} required"
        )
    if agreement is not None and row["agreement_n"] >= rule.min_agreement_votes and agreement < rule.min_agreement:
        reasons.append(
            f"agrees with the majority of the others on {agreement:.2f} of {row['agreement_n']} votes, "
            f"at least {rule.min_agreement:g} required"
        )
    if seconds is not None and row["tasks"] >= rule.min_timed_tasks and seconds < rule.min_seconds:
        reasons.append(
            f"takes {seconds:.1f} s for a task (median of {row['tasks']}), at least {rule.min_seconds:g} required"
        )
    reasons += [
        f"{pattern}: by chance once in {_inverse(probability)}"
        for pattern, probability in patterns.items()
        if probability < rule.min_straightlining_p
    ]
    return "; ".join(reasons) or None


def _inverse(probability: float) -> str:
    return f"{1 / probability:.0e}" if probability > 1e-300 else "more than 1e+300"
