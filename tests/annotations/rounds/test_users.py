"""A person is one annotator, renamed, gone from the organization, or deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reground.annotations.collect.parse import parse_annotations
from reground.annotations.label_studio import User
from reground.annotations.label_studio.client import parse_user
from reground.annotations.rounds import Question, Task, UserDirectory, contains_result, read_users
from reground.annotations.rounds.users import merge_users
from reground.tasks.errors import RegroundError
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.workspace import Workspace
from tests.support.questions import sent
from tests.support.tables import put

# As Label Studio 1.23 lists the same three accounts before and after two were removed from the organization.
BEFORE = [
    {"id": 1, "email": "admin@lab.org", "first_name": "", "last_name": "", "date_joined": "2026-01-01T09:00:00.1Z"},
    {"id": 2, "email": "ann@lab.org", "first_name": "", "last_name": "", "date_joined": "2026-01-01T09:00:00.2Z"},
    {"id": 3, "email": "bob@lab.org", "first_name": "", "last_name": "", "date_joined": "2026-01-01T09:00:00.3Z"},
]
GONE = {"email": "Deleted", "first_name": "Deleted", "last_name": "User"}
AFTER = [BEFORE[0], {**BEFORE[1], **GONE}, {**BEFORE[2], **GONE}]
IMAGES = (ImageId("a"), ImageId("b"))
SHARED = sent(Question("contains:1:7:0", IMAGES, (ClassIdx(7),)))
OF_ANN = replace(SHARED, key=f"{SHARED.key} to ann@lab.org", annotator="ann@lab.org")


def directory(*listings: list[dict]) -> UserDirectory:
    rows = {}
    for listing in listings:
        rows = merge_users(rows, map(parse_user, listing), "http://127.0.0.1")
    return UserDirectory(rows)


def annotation(user_id: int | None, number: int) -> dict:
    stamp = f"2026-01-02T10:00:{number:02d}Z"
    return {
        "id": number,
        "completed_by": user_id,
        "updated_by": user_id,
        "result": contains_result(SHARED, IMAGES[:1]),
        "was_cancelled": False,
        "created_at": stamp,
        "updated_at": stamp,
        "lead_time": 4.0,
    }


def test_two_who_left_are_two_people_and_the_same_as_before():
    answers = [annotation(1, 1), annotation(2, 2), annotation(3, 3)]
    before = parse_annotations(Task("contains", 1, SHARED, 5, 50), answers, directory(BEFORE))
    after = parse_annotations(Task("contains", 1, SHARED, 5, 50), answers, directory(BEFORE, AFTER))
    assert after == before and not after.dropped
    assert {vote["annotator_id"] for vote in after.votes} == {"label-studio:1", "label-studio:2", "label-studio:3"}
    never_seen = parse_annotations(Task("contains", 1, SHARED, 5, 50), answers, directory(AFTER))
    assert never_seen.votes == before.votes


@pytest.mark.parametrize("later", [AFTER, [{**BEFORE[1], "email": "Ann.Smith@lab.org"}]])
def test_in_a_blind_round_the_assignee_stays_who_they_are(later: list[dict]):
    rows = parse_annotations(Task("contains", 1, OF_ANN, 5, 50), [annotation(2, 1)], directory(BEFORE, later))
    assert {vote["annotator_id"] for vote in rows.votes} == {"label-studio:2"} and not rows.dropped
    rows = parse_annotations(Task("contains", 1, OF_ANN, 5, 50), [annotation(3, 1)], directory(BEFORE, later))
    assert not rows.votes and "assigned to ann@lab.org, answered by bob@lab.org" in rows.dropped[0]["detail"]


def test_the_first_address_and_name_are_kept_and_the_new_address_is_known_too():
    users = directory(BEFORE, [{**BEFORE[1], "email": "ann.smith@lab.org", "first_name": "Ann"}], AFTER)
    row = users.rows[2]
    assert (row["address"], row["name"]) == ("ann@lab.org", "Ann") and users.title(2) == "ann@lab.org"
    assert users.addresses("label-studio:2") == ["ann@lab.org", "ann.smith@lab.org"]
    assert users.has_address(2, "Ann.Smith@lab.org") and not users.has_address(3, "ann@lab.org")
    assert users.title(9) == "user 9" and users.addresses("real:2") == []


def test_answers_of_deleted_accounts_are_of_nobody_known_each():
    rows = parse_annotations(
        Task("contains", 1, SHARED, 5, 50), [annotation(None, 1), annotation(None, 2)], directory(BEFORE)
    )
    assert {vote["annotator_id"] for vote in rows.votes} == {"label-studio:anonymous-1", "label-studio:anonymous-2"}


def test_a_recorded_address_stays_one_after_a_change_of_address():
    rows = directory(BEFORE, [{**BEFORE[1], "email": "ann.smith@lab.org"}]).rows
    for address in ("ann@lab.org", "ann.smith@lab.org"):
        users = UserDirectory(rows, (address,))
        assert users.annotator_id(2, 1) == "recorded:2" and users.annotator_id(3, 1) == "label-studio:3"


def test_the_same_ids_in_another_label_studio_are_other_people(tmp_path: Path):
    workspace = Workspace(tmp_path / "w")
    put(workspace, "users", list(directory(BEFORE).rows.values()))
    rows = read_users(workspace).rows
    with pytest.raises(RegroundError, match=r"user 2 of http://x to be ann@lab.org created at .*another Label Studio"):
        merge_users(rows, [User(2, "carl@elsewhere.org", None, "2026-03-01T00:00:00Z")], "http://x")
