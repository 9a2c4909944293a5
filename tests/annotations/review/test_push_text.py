"""What a push says: what it chose, and how long that takes people."""

from __future__ import annotations

from reground.annotations.review import PushSummary, push_text

SOURCE = "the setting review.seconds_per_image"


def summary(**other: object) -> PushSummary:
    counts = {"project_ids": (7, 8), "new": 14, "total": 20, "deleted": 0, "controls": 4, "left": 0}
    return PushSummary(**{**counts, "hours": 0.7, "pace": 1.5, "pace_source": SOURCE, **other})  # type: ignore[arg-type]


def test_new_questions_come_with_the_time_they_take_and_where_that_is_from():
    text = push_text("contains", summary())
    assert text.startswith("contains: 14 new tasks, 20 in all, 4 control images; about 42 min of work in all, at 1.5 s")
    assert f"for one image ({SOURCE})" in text and text.endswith("projects 7, 8")
    assert "for one label (" in push_text("classify", summary())


def test_what_is_left_and_what_is_deleted_is_said_and_nothing_new_takes_no_time():
    text = push_text("contains", summary(new=0, left=119, deleted=2))
    assert "119 pairs left to classify, as their labels have too few images for a grid" in text
    assert "projects" not in push_text("contains", summary(project_ids=(), new=0, total=0))
    assert "2 deleted in Label Studio, asked again only in another round" in text and "of work" not in text
