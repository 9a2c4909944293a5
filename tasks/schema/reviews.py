"""The tables of what people are asked in Label Studio, and of what comes back."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import CLASS_IDX, IMAGE_ID, Column, Table

_QUESTION = (
    Column("key", "string", "unique key of the question; annotators cannot see it"),
    Column("task_key", "string", "what stands for the key in the task's data; tells annotators nothing"),
    Column("image_ids", "list<string>", "images in the order of display"),
    Column("options", "list<string>", "what stands for each of the images in the task's options; empty in classify"),
    Column("class_idxs", "list<int32>", "labels in the order of display"),
    Column("annotator", "string", "e-mail address of the assignee; empty: anybody"),
    Column("overlap", "int32", "annotators wanted; 0: any number"),
)

REVIEWS: Final = (
    Table(
        "questions",
        "task in Label Studio",
        ("round", "question", "key"),
        (
            Column("round", "int32", "1 for the first round"),
            Column("question", "string", "contains, classify or decide"),
            *_QUESTION,
            Column("project_id", "int64", "id of the project in Label Studio"),
            Column("task_id", "int64", "id of the task in Label Studio"),
        ),
        counts=("question", "overlap"),
    ),
    Table(
        "pending_questions",
        "question whose task may exist in Label Studio, as a push was interrupted",
        ("round", "question", "key"),
        (
            Column("round", "int32", "1 for the first round"),
            Column("question", "string", "as in questions"),
            *_QUESTION,
        ),
    ),
    Table(
        "controls",
        "control image in a grid",
        ("key", "image_id"),
        (
            Column("key", "string", "key of the question, without its assignee"),
            IMAGE_ID,
            CLASS_IDX,
            Column("answer", "string", "yes (a positive control) or no (a negative one)"),
        ),
    ),
    Table(
        "control_answers",
        "answer to a control image",
        ("image_id", "class_idx", "annotator_id", "answer_id"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("annotator_id", "string", "SOURCE:NAME, as in votes"),
            Column("answer", "string", "yes or no; not a vote"),
            Column("expected", "string", "yes or no"),
            Column("source", "string", "as in votes"),
            Column("answer_id", "string", "id of the submission, SOURCE:PROJECT:ID"),
        ),
    ),
    Table(
        "answers",
        "task with answers, or deleted, in Label Studio",
        ("project_id", "task_id"),
        (
            Column("project_id", "int64", "id of the project in Label Studio"),
            Column("task_id", "int64", "id of the task in Label Studio"),
            Column("stamp", "string", "last change by Label Studio's clock, ISO 8601; empty: deleted"),
            Column("deleted", "bool", "whether the task is deleted in Label Studio; earlier answers are kept"),
            Column("answers", "int32", "number of submissions, skips included"),
            Column(
                "annotations",
                "string",
                "JSON list, as exported by Label Studio; an answer that somebody else edits is in it before and after",
            ),
        ),
    ),
    Table(
        "submissions",
        "submission in Label Studio",
        ("answer_id",),
        (
            Column("answer_id", "string", "as in votes"),
            Column("annotator_id", "string", "SOURCE:NAME"),
            Column("question", "string", "contains or classify"),
            Column("ticked", "list<int32>", "positions of the ticked options, 0 for the first"),
            Column("options", "int32", "number of options"),
            Column("at", "string", "time of the first submission, ISO 8601 in UTC"),
        ),
    ),
    Table(
        "skips",
        "question that an annotator skipped",
        ("answer_id",),
        (
            Column("answer_id", "string", "as in votes"),
            Column("annotator_id", "string", "SOURCE:NAME"),
            Column("round", "int32", "as in questions"),
            Column("question", "string", "contains, classify or decide"),
            Column("key", "string", "key of the question, as in questions"),
            Column("at", "string", "time, ISO 8601 in UTC"),
        ),
    ),
    Table(
        "decision_answers",
        "answer of a curator to one pair of image and label",
        ("image_id", "class_idx", "answer_id", "annotator_id"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("answer", "string", "yes or no"),
            Column("annotator_id", "string", "the curator, SOURCE:NAME"),
            Column("at", "string", "time, ISO 8601 in UTC"),
            Column("comment", "string", "the curator's reason; null: none was given", nullable=True),
            Column("key", "string", "key of the question, as in questions"),
            Column("project_id", "int64", "id of the project in Label Studio"),
            Column("task_id", "int64", "id of the task in Label Studio"),
            Column("answer_id", "string", "id of the submission, SOURCE:PROJECT:ID"),
        ),
    ),
    Table(
        "users",
        "user of Label Studio",
        ("user_id",),
        (
            Column("user_id", "int64", "id in Label Studio"),
            Column("address", "string", "e-mail address as first seen; null: never seen", nullable=True),
            Column("name", "string", "name as first seen; null: never seen", nullable=True),
            Column("addresses", "list<string>", "all addresses seen, in lower case, the first one first"),
            Column("created_at", "string", "time of creation by Label Studio's clock, ISO 8601", nullable=True),
        ),
    ),
)
