"""The text of ``reground truth diff``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reground.annotations.truth import Change, Diff, Score
from reground.tasks.workspace import Workspace


def class_names(workspace: Workspace) -> dict[int, str]:
    """Class -> its name."""
    classes = workspace.read("classes", ["class_idx", "name"])
    return dict(zip(classes["class_idx"].tolist(), classes["name"], strict=True))


def diff_lines(difference: Diff, names: Mapping[int, str], limit: int) -> Iterator[str]:
    """A comparison of two truths in words.

    Args:
        difference: of the two.
        names: class -> its name.
        limit: images and classes to name.
    """
    first, second = difference.first, difference.second
    for side in (first, second):
        yield f"{side.name} ({side.version}): {side.description}, {side.settled:,} of {side.images:,} images settled"
    for name, values in difference.settings.items():
        yield f"setting {name}: {values[0]} -> {values[1]}"
    yield (
        f"images compared: {difference.compared:,}; {difference.only_first:,} settled in {first.name} only, "
        f"{difference.only_second:,} in {second.name} only"
    )
    if difference.compared:
        yield from _score_lines(difference.scores, first.name, second.name, limit)
    yield f"images: {len(difference.changes):,} differ, {difference.unchanged:,} do not"
    if difference.first.kind == difference.second.kind == "version":
        yield from (f"  {old} -> {new}: {count:,}" for (old, new), count in difference.transitions().most_common())
        yield from (f"why: {reason}: {count:,}" for reason, count in difference.reasons().most_common())
    yield from (f"  {kind}: {count:,}" for kind, count in difference.kinds().most_common())
    yield from (_change_line(change, names) for change in difference.changes[:limit])
    if len(difference.changes) > limit:
        yield f"... and {len(difference.changes) - limit:,} more: --json names all"


def _score_lines(scores: Sequence[Score], first: str, second: str, limit: int) -> Iterator[str]:
    whole = scores[0].agreement
    yield f"labels: {whole.first:,} in {first}, {whole.second:,} in {second}, {whole.both:,} in both"
    yield f"  same labels     {_estimate(whole.exact)} of the images"
    yield f"  precision       {_estimate(whole.precision)} of the labels in {first} are in {second}"
    yield f"  recall          {_estimate(whole.recall)} of the labels in {second} are in {first}"
    yield f"  F1              {_estimate(whole.f1)}"
    for level, heading in (("superclass", "superclass"), ("group", "group"), ("class", "class")):
        rows = sorted((score for score in scores if score.level == level), key=lambda score: score.agreement.f1.value)
        if rows:
            yield f"by {heading}, lowest F1 first (precision, recall, F1 with its 95 % interval, images):"
            yield from (f"  {_row(score)}" for score in rows[: limit if level == "class" else None])


def _row(score: Score) -> str:
    values = score.agreement
    shares = f"{_percent(values.precision.value)} {_percent(values.recall.value)}"
    return f"{shares}  {_estimate(values.f1)}  {values.f1.n:>6,}  {score.name}"


def _estimate(estimate: Any) -> str:
    return f"{_percent(estimate.value)} ({_percent(estimate.low).strip()} to {_percent(estimate.high).strip()})"


def _percent(value: float) -> str:
    return f"{100 * value:5.1f} %" if value == value else "      -"


def _change_line(change: Change, names: Mapping[int, str]) -> str:
    sides = " -> ".join(_side(row, names) for row in (change.first, change.second))
    return f"{change.image_id}: {sides}; {'; '.join([change.kind, *([', '.join(change.why)] if change.why else [])])}"


def _side(row: Mapping[str, Any] | None, names: Mapping[int, str]) -> str:
    if row is None:
        return "-"
    if row["labels"] is None:
        return f"[{row['state'].replace('_', ' ')}]"
    parts = [", ".join(names.get(label, str(label)) for label in row["labels"]) or "no label"]
    if row.get("main_label") is not None:
        main = row["main_label"]
        parts.append(f"main {names.get(int(main), main)}, objects {row['num_objects']:g}")
    if row.get("outcome"):
        parts.append(row["outcome"])
    return f"[{'; '.join(parts)}]"
