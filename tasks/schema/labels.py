"""The tables of labels: candidates, votes, decisions and truth."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import CLASS_IDX, IMAGE_ID, Column, Table

_TRUTH = (
    IMAGE_ID,
    Column("original", "int32", "the original label", nullable=True),
    Column("state", "string", "settled (people decided), in_review (asked, not decided) or unreviewed (not asked)"),
    Column(
        "outcome",
        "string",
        "confirmed (the original label alone holds), extended (it and others), changed (others alone), empty (no "
        "label) or labelled (the original is unknown); null: not settled",
        nullable=True,
    ),
    Column("labels", "list<int32>", "labels that hold, by descending confidence; null: not settled", nullable=True),
    Column("undecided", "list<int32>", "judged labels on which there is no decision yet, by descending confidence"),
    Column("decided", "list<int32>", "judged labels that a curator decided, whatever the votes say (see decisions)"),
    Column("judged", "list<int32>", "all labels that annotators were asked about"),
    Column(
        "confidence", "list<float32>", "confidence of each judged label, 0 to 1, higher is more certain (see method)"
    ),
    Column("shown", "list<int32>", "number of people who judged each of them, each counted once"),
    Column("main_label", "int32", "label of the main object", nullable=True),
    Column("main_tied", "bool", "whether another label has as many main votes"),
    Column("num_objects", "int16", "number of distinct objects with a valid label", nullable=True),
    Column("num_objects_tied", "bool", "whether another number of objects has as many votes"),
    Column("objects", "list<list<int32>>", "judged labels grouped by the object they name"),
    Column("isolated", "list<int32>", "labels that nobody selected together with another: their object is a guess"),
    Column("votes", "int32", "number of votes behind the row"),
    Column("sources", "list<string>", "distinct sources of those votes"),
    Column("vote_fingerprint", "string", "hash of those votes, 16 hexadecimal digits; empty: none"),
    Column("routing", "string", "easy, several, too_few_workers, never_selected or unreviewed"),
    Column("method", "string", "aggregation of the votes: selection-frequency, dawid-skene or joint"),
)

LABELS: Final = (
    Table(
        "candidates",
        "pair of image and label",
        ("image_id", "class_idx"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("reasons", "list<string>", "'original', or 'MODEL:RANK'; rank 1 is the best"),
            Column(
                "score",
                "float32",
                "mean probability over the models, 0 to 1, higher is more likely; null: no model gives any",
                nullable=True,
            ),
        ),
    ),
    Table(
        "gold",
        "pair of image and label with a known answer",
        ("image_id", "class_idx", "source"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("answer", "string", "yes or no"),
            Column("source", "string", "name of the imported file"),
        ),
    ),
    Table(
        "votes",
        "answer",
        ("question", "image_id", "class_idx", "annotator_id"),
        (
            Column("round", "int32", "round of the question; 0: not asked in this workspace"),
            Column(
                "question",
                "string",
                "contains, classify, rate (yes, maybe or no to one label) or compare (which of two labels)",
            ),
            IMAGE_ID,
            Column("class_idx", "int32", "label asked about"),
            Column(
                "annotator_id",
                "string",
                "SOURCE:NAME; in Label Studio NAME is the user's id; it starts with 'anonymous' if unknown",
            ),
            Column("answer", "string", "yes, maybe or no: whether the label is valid for the image"),
            Column("main", "bool", "whether it is the label of the main object (classify only)"),
            Column("num_objects", "int16", "number of objects in the same submission (classify only)", nullable=True),
            Column("seconds", "float32", "time spent on the whole task, as the browser measures it", nullable=True),
            Column("at", "string", "time, ISO 8601 in UTC", nullable=True),
            Column("source", "string", "label-studio, name of a published set, recorded or simulated"),
            Column("answer_id", "string", "id of the submission, SOURCE:PROJECT:ID"),
        ),
        counts=("question", "source"),
    ),
    Table(
        "decisions",
        "pair of image and label that a curator decided",
        ("image_id", "class_idx"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("answer", "string", "yes or no: whether the label is valid for the image, whatever the votes say"),
            Column("annotator_id", "string", "the curator, SOURCE:NAME"),
            Column("at", "string", "time, ISO 8601 in UTC"),
            Column("comment", "string", "the curator's reason; null: none was given", nullable=True),
            Column("yes_votes", "int32", "number of votes on the pair that say yes; they stay in votes"),
            Column("no_votes", "int32", "number of votes on the pair that say no; they stay in votes"),
            Column("link", "string", "URL of the answer in Label Studio"),
            Column("key", "string", "key of the question, as in questions"),
            Column("answer_id", "string", "id of the submission, SOURCE:PROJECT:ID"),
        ),
    ),
    Table(
        "annotators",
        "annotator",
        ("annotator_id",),
        (
            Column("annotator_id", "string", "SOURCE:NAME, as in votes"),
            Column("address", "string", "e-mail address as first seen; null: not known", nullable=True),
            Column("name", "string", "name as first seen; null: not known", nullable=True),
            Column("source", "string", "as in votes"),
            Column("votes", "int64", "number of votes"),
            Column("agreement", "float32", "share of votes equal to the majority of the others, 0 to 1", nullable=True),
            Column("agreement_n", "int64", "number of votes behind agreement"),
            Column("gold_correct", "int64", "number of correct answers to gold and control images"),
            Column("gold_n", "int64", "number of answers to gold and control images"),
            Column("gold_accuracy", "float32", "gold_correct / gold_n, 0 to 1; null: no such answers", nullable=True),
            Column("gold_low", "float32", "lower end of the 95 % interval (Wilson) of gold_accuracy", nullable=True),
            Column("gold_high", "float32", "upper end of the 95 % interval (Wilson) of gold_accuracy", nullable=True),
            Column("tasks", "int64", "number of submissions"),
            Column("seconds_per_task", "float32", "median time for a task", nullable=True),
            Column(
                "fast_share",
                "float32",
                "share of tasks faster than review.exclude.min_seconds",
                nullable=True,
            ),
            Column("excluded", "string", "reason why the votes do not count; null: they count", nullable=True),
        ),
    ),
    Table("truth", "image", ("image_id",), _TRUTH),
    Table(
        "vote_policy",
        "truth",
        (),
        (
            Column("held_out_sources", "list<string>", "sources whose votes do not count"),
            Column("count_excluded", "bool", "whether votes of excluded annotators count too"),
            Column("count_gold", "bool", "whether answers on pairs with a known answer count too"),
            Column(
                "ratio", "float64", "share of the original label's selection frequency that makes a label confident"
            ),
            Column("keep", "float64", "smallest confidence of a label that is kept, 0 to 1"),
        ),
    ),
    Table("truths", "image in one version of the truth", ("image_id",), _TRUTH),
    Table(
        "truth_versions",
        "version of the truth",
        ("version",),
        (
            Column("version", "string", "hash of the truth, 12 hexadecimal digits"),
            Column("number", "int64", "number of the version, 1 for the first"),
            Column("method", "string", "aggregation"),
            Column("settings", "string", "JSON: settings of the step truth"),
            Column("images", "int64", "number of images"),
            Column("votes", "int64", "number of votes behind the truth"),
        ),
    ),
    Table(
        "needs_vote",
        "pair of image and label",
        ("rank",),
        (
            Column("rank", "int64", "1 for the pair to ask about first"),
            IMAGE_ID,
            CLASS_IDX,
            Column("gain", "float64", "expected information of one more vote, in bits, 0 to 1"),
            Column("probability", "float64", "probability that the label is valid, given the votes so far, 0 to 1"),
            Column("votes", "int32", "number of votes so far"),
        ),
    ),
)
