"""Status as text: progress as a table, then what to look at, each with its address; 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from reground.annotations.review.findings import DisputeRow, Findings, RefusalRow, SkipStatusRow
from reground.annotations.review.status import ReviewStatus, StatusRow
from reground.tasks.text import count_of, visible

WIDTH: Final = 80
"""Columns; an address may be longer, since a broken one cannot be followed."""
MAX_LISTED: Final = 20
"""Rows of each kind on the terminal; ``--json`` has all."""
UNIT: Final = "Done counts questions; a push counts tasks, one for each person asked."

GAP: Final = "  "
"""Between two columns."""

Row = TypeVar("Row")


def status_text(status: ReviewStatus) -> str:
    """The result of `reground.annotations.review.review_status` as text."""
    if not status.progress:
        return "no questions yet: `reground review push` creates them"
    table = text_table([status_cells(row) for row in status.progress])
    return "\n".join([table, UNIT, *_findings(status.findings)])


def status_cells(row: StatusRow) -> dict[str, str]:
    """The progress of one question of one round as text: column title -> cell."""
    rate, hours = row["answers_per_hour"], row["hours_left"]
    return {
        "question": row["question"],
        "round": str(row["round"]),
        "done": f"{row['done']:,} of {row['tasks']:,}",
        "disagreed": f"{row['disagreed']:,}",
        "answers": f"{row['answers']:,}",
        "people": f"{row['annotators']:,}",
        "/hour": "-" if rate is None else f"{rate:,.0f}",
        "time left": "-" if hours is None else format_hours(hours),
    }


def text_table(cells: Sequence[dict[str, str]]) -> str:
    """Rows of cells below their titles, in columns; the first is cut off where a line is longer than `WIDTH`.

    Examples:
        >>> print(text_table([{"person": "ann", "skips": "3"}, {"person": "bernadette", "skips": "12"}]))
        person      skips
        ann         3
        bernadette  12
    """
    lines = [list(map(visible, line)) for line in (cells[0], *(row.values() for row in cells))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    room = WIDTH - sum(widths[1:]) - len(GAP) * len(widths[1:])
    widths[0] = min(widths[0], room)
    lines = [[_cut(line[0], room), *line[1:]] for line in lines]
    return "\n".join(
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def format_hours(hours: float) -> str:
    """A duration in minutes, hours or days.

    Examples:
        >>> format_hours(1.5), format_hours(20), format_hours(100)
        ('90 min', '20 h', '4 days')
    """
    if hours < 2:
        return f"{60 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def _findings(findings: Findings) -> Iterator[str]:
    if findings.disputes:
        yield f"\nDisputed: {len(findings.disputes):,} labels of images"
        yield from _listed(findings.disputes, _dispute_lines)
        yield "`reground review push --ask disagreed --to EMAIL` puts them to a curator"
    if findings.skips:
        by_all = sum(row["by_all"] for row in findings.skips)
        yield f"\nSkipped: {count_of(len(findings.skips), 'question')}, {by_all:,} by everybody who was asked"
        yield from _listed(findings.skips, _skip_lines)
    if findings.refusals:
        yield f"\nSet aside: {count_of(len(findings.refusals), 'answer')}, or edits of answers"
        yield from _listed(findings.refusals, _refusal_lines)
    if findings.people:
        yield "\nPeople"
        columns = ("person", "answers", "skips", "refused", "disputed", "decisions")
        yield text_table([{name: _cell(row[name]) for name in columns} for row in findings.people])
        for row in findings.people:
            if row["excluded"]:
                yield from _wrapped(f"{row['person']} is excluded, no vote counts: {row['excluded']}")
    if findings.labels:
        yield "\nLabels with disputes or skips"
        columns = ("label", "votes", "disputed", "skipped")
        yield text_table([{name: _cell(row[name]) for name in columns} for row in findings.labels[:MAX_LISTED]])
        yield from _more(len(findings.labels))


def _dispute_lines(row: DisputeRow) -> Iterator[str]:
    sides = [f"{answer}: {', '.join(people)}" for answer, people in row["voters"].items()]
    yield from _wrapped(f"{row['image_id']}, {row['label']}: {', '.join(row['reasons'])}; {'; '.join(sides)}")
    yield from (f"    {link}" for link in row["links"])


def _skip_lines(row: SkipStatusRow) -> Iterator[str]:
    scope = "everybody who was asked" if row["by_all"] else f"answers: {row['answers']}"
    yield from _wrapped(f"{row['key']}: skipped by {', '.join(row['people'])} ({scope})")
    yield from (f"    {link}" for link in row["links"])


def _refusal_lines(row: RefusalRow) -> Iterator[str]:
    yield from _wrapped(f"{row['reason']}: {row['detail']}")
    yield f"    {row['link']}"


def _listed(rows: Sequence[Row], lines: Callable[[Row], Iterator[str]]) -> Iterator[str]:
    for row in rows[:MAX_LISTED]:
        yield from lines(row)
    yield from _more(len(rows))


def _more(count: int) -> Iterator[str]:
    if count > MAX_LISTED:
        yield f"... and {count - MAX_LISTED:,} more: --json lists all"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(visible(text), WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
