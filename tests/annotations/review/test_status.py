"""How far people are: rates and times, and the rows in words. With real answers: test_label_studio_pull.py."""

from __future__ import annotations

from typing import Any

import pytest

from reground.annotations.review.findings import Findings
from reground.annotations.review.status import ReviewStatus, answers_per_hour
from reground.annotations.review.status_text import format_hours, status_cells, status_text

ROW: dict[str, Any] = {
    "question": "classify",
    "round": 2,
    "tasks": 1200,
    "done": 1100,
    "open": 100,
    "disagreed": 7,
    "answers": 3300,
    "annotators": 4,
    "answers_per_hour": 120.0,
    "hours_left": 2.5,
}


@pytest.mark.parametrize(
    ("times", "rate"),
    [
        ([], None),
        ([7.0], None),
        ([7.0, 7.0], None),
        ([0.0, 30.0, 60.0], 120.0),
        ([60.0, 0.0, 30.0], 120.0),
        ([0.0, 100_000.0, 100_036.0], 100.0),  # what was answered the day before tells nothing
        ([float(moment) for moment in range(0, 7_201, 60)], 60.0),
    ],
)
def test_the_rate_is_that_of_the_last_hour_of_activity(times: list[float], rate: float | None) -> None:
    assert answers_per_hour(times) == (pytest.approx(rate) if rate else None)


@pytest.mark.parametrize(
    ("hours", "words"), [(0.0, "0 min"), (1.5, "90 min"), (2.4, "2 h"), (71.0, "71 h"), (96.0, "4 days")]
)
def test_time_left_in_words(hours: float, words: str) -> None:
    assert format_hours(hours) == words


def test_the_table_has_a_line_a_question_and_says_what_it_does_not_know() -> None:
    assert status_text(ReviewStatus()) == "no questions yet: `reground review push` creates them"
    head, known, unknown, unit = status_text(
        ReviewStatus([ROW, {**ROW, "answers_per_hour": None, "hours_left": None}])
    ).splitlines()
    assert head.split("  ")[0] == "question" and " ".join(head.split()).endswith("answers people /hour time left")
    assert " ".join(known.split()) == "classify 2 1,100 of 1,200 7 3,300 4 120 2 h"
    assert unknown.split()[-2:] == ["-", "-"]
    assert "counts questions" in unit and len(unit) <= 80
    assert len(status_cells(ROW)) == 8


def test_no_line_but_an_address_is_wider_than_a_terminal_of_80_columns() -> None:
    long = "a-very-long-name." * 6
    large: Any = {
        "tasks": 50_000,
        "done": 48_000,
        "open": 2_000,
        "disagreed": 12_345,
        "answers": 250_000,
        "annotators": 120,
    }
    counts: Any = dict.fromkeys(("answers", "skips", "refused", "disputed", "decisions"), 250_000)
    link = "http://127.0.0.1:8080/" + "x" * 90
    findings = Findings(
        [
            {
                "image_id": long,
                "class_idx": 7,
                "label": long,
                "reasons": ["tie", "contradicts gold"],
                "voters": {"yes": [long, long], "no": [long]},
                "links": [link],
            }
        ],
        [{"key": long, "people": [long, long], "answers": 3, "by_all": False, "links": [link]}],
        [{"person": long, "reason": "answer_invalid", "detail": f"{long} {long}", "link": link}],
        [{"person": long, **counts, "excluded": "takes 0.3 s for a task (median of 58), at least 1.5 required"}],
        [{"class_idx": 7, "label": long, "votes": 250_000, "disputed": 12_345, "skipped": 12_345}],
    )
    row: Any = {**ROW, **large, "answers_per_hour": 4_052.0, "hours_left": 8_000.0}
    lines = status_text(ReviewStatus([row], findings)).splitlines()
    assert [line for line in lines if len(line) > 80 and link not in line] == []
    assert sum(link in line for line in lines) == 3
    text = " ".join(" ".join(lines).split())
    assert "is excluded, no vote counts: takes 0.3 s for a task (median of 58), at least 1.5 required" in text
