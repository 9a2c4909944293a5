"""The report's account of what curators decided. Reads ``decisions``, ``users`` and ``classes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import DecisionRow, table
from reground.tasks.votes import YES

SHOWN: Final = 30
"""Decisions shown."""


@dataclass(frozen=True)
class Decision:
    """One decided label of an image, as the page shows it."""

    image_id: str
    label: str
    answer: str
    yes_votes: int
    no_votes: int
    curator: str
    at: str
    comment: str


def decisions(snapshot: Snapshot) -> tuple[list[Decision], int]:
    """The decisions that most votes contradict first, and how many there are."""
    rows: list[DecisionRow] = snapshot.arrow("decisions", table("decisions").names()).to_pylist()
    rows.sort(key=lambda row: (-_votes_against(row), row["image_id"], row["class_idx"]))
    classes = snapshot.arrow("classes", ("class_idx", "name"))
    names = dict(zip(classes["class_idx"].to_pylist(), classes["name"].to_pylist(), strict=True))
    users = snapshot.arrow("users", ("user_id", "address", "name")).to_pylist()
    people = {str(user["user_id"]): user["address"] or user["name"] for user in users}
    shown = [
        Decision(
            image_id=row["image_id"],
            label=names.get(row["class_idx"], f"class {row['class_idx']}").split(",")[0],
            answer=row["answer"],
            yes_votes=row["yes_votes"],
            no_votes=row["no_votes"],
            curator=people.get(name := row["annotator_id"].partition(":")[2]) or name,
            at=row["at"][:10],
            comment=row["comment"] or "",
        )
        for row in rows[:SHOWN]
    ]
    return shown, len(rows)


def _votes_against(row: DecisionRow) -> int:
    """How many more votes contradict a decision than agree with it."""
    margin = row["no_votes"] - row["yes_votes"]
    return margin if row["answer"] == YES else -margin
