"""The tables of labels: what is asked, what people answer, what holds."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import CLASS_IDX, IMAGE_ID, Column, Table

_TRUTH = (
    IMAGE_ID,
    Column("original", "int32", "the original label", nullable=True),
    Column("labels", "list<int32>", "labels kept, most confident first; may be empty"),
    Column("judged", "list<int32>", "all labels that people were asked about"),
    Column("confidence", "list<float32>", "of each judged label, 0 to 1, higher is surer (see method)"),
    Column("shown", "list<int32>", "how many people judged each judged label"),
    Column("main_label", "int32", "label of the main object", nullable=True),
    Column("main_tied", "bool", "another label had as many main votes"),
    Column("num_objects", "int16", "distinct objects with a valid label", nullable=True),
    Column("num_objects_tied", "bool", "another number was counted as often"),
    Column("objects", "list<list<int32>>", "judged labels grouped by the object they name"),
    Column("isolated", "list<int32>", "labels that nobody chose beside another: their object is a guess"),
    Column("votes", "int32", "votes behind the row"),
    Column("sources", "list<string>", "distinct sources of those votes"),
    Column("vote_fingerprint", "string", "hash of those votes, 16 hexadecimal digits; empty: none"),
    Column("routing", "string", "easy, several, too_few_workers, never_selected or unreviewed"),
    Column(
        "status",
        "string",
        "confirmed, extended, changed, settled (the original is unknown), empty, open or unreviewed",
    ),
    Column("method", "string", "that gave the confidences: selection-frequency, dawid-skene or joint"),
)

LABELS: Final = (
    Table(
        "candidates",
        "image x label",
        ("image_id", "class_idx"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("reasons", "list<string>", "'original', or 'MODEL:RANK' with rank 1 the best"),
            Column("score", "float32", "mean probability over the models, 0 to 1, higher is likelier"),
        ),
    ),
    Table(
        "questions",
        "task asked in Label Studio",
        ("round", "question", "key"),
        (
            Column("round", "int32", "1 for the first round"),
            Column("question", "string", "contains or classify"),
            Column("key", "string", "the task's own key, in its data too"),
            Column("image_ids", "list<string>", "images shown, in order"),
            Column("class_idxs", "list<int32>", "labels shown, in order"),
            Column("annotator", "string", "e-mail address of the one person asked; empty: whoever comes"),
            Column("overlap", "int32", "people asked to answer it; 0: any number"),
            Column("project_id", "int64", "Label Studio's"),
            Column("task_id", "int64", "Label Studio's"),
        ),
    ),
    Table(
        "gold",
        "pair of image and label whose answer is known",
        ("image_id", "class_idx", "source"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("answer", "string", "yes or no"),
            Column("source", "string", "name of the file it came from"),
        ),
    ),
    Table(
        "controls",
        "control image in a grid",
        ("key", "image_id"),
        (
            Column("key", "string", "of the question, without whom it is put to"),
            IMAGE_ID,
            CLASS_IDX,
            Column("answer", "string", "yes (a positive control) or no (a negative one)"),
        ),
    ),
    Table(
        "control_answers",
        "answer on a control image",
        ("image_id", "class_idx", "annotator_id", "answer_id"),
        (
            IMAGE_ID,
            CLASS_IDX,
            Column("annotator_id", "string", "SOURCE:NAME, as in votes"),
            Column("answer", "string", "yes or no: tells of the annotator, and is no vote on the image"),
            Column("expected", "string", "yes or no"),
            Column("source", "string", "as in votes"),
            Column("answer_id", "string", "the submission it came in, SOURCE:PROJECT:ID"),
        ),
    ),
    Table(
        "answers",
        "task as Label Studio has it, with answers or deleted",
        ("project_id", "task_id"),
        (
            Column("project_id", "int64", "Label Studio's"),
            Column("task_id", "int64", "Label Studio's"),
            Column("stamp", "string", "when it was last touched by Label Studio's clock, ISO 8601; empty: deleted"),
            Column("deleted", "bool", "somebody deleted it there; what was answered before is kept"),
            Column("answers", "int32", "submissions, skips included"),
            Column("annotations", "string", "JSON: a list of them, as exported"),
        ),
    ),
    Table(
        "votes",
        "answer",
        ("question", "image_id", "class_idx", "annotator_id", "answer_id"),
        (
            Column("round", "int32", "round it was asked in; 0: not asked by this workspace"),
            Column(
                "question",
                "string",
                "contains, classify, rate (yes, maybe or no to each label of an image) or compare (which of two)",
            ),
            IMAGE_ID,
            Column("class_idx", "int32", "label that was shown"),
            Column("annotator_id", "string", "who answered: SOURCE:NAME; NAME begins with anonymous: who knows"),
            Column("answer", "string", "yes, maybe or no: is the label valid for the image"),
            Column("main", "bool", "picked as the main object (classify only)"),
            Column("num_objects", "int16", "objects counted in the same answer (classify only)", nullable=True),
            Column("seconds", "float32", "spent on the whole task, as the browser says", nullable=True),
            Column("at", "string", "when, ISO 8601 in UTC", nullable=True),
            Column("source", "string", "label-studio, a published set's name, recorded or simulated"),
            Column("answer_id", "string", "the submission it came in, SOURCE:PROJECT:ID"),
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
            Column("ticked", "list<int32>", "places of the options ticked, 0 the first that was shown"),
            Column("options", "int32", "options shown"),
            Column("at", "string", "when it was first submitted, ISO 8601 in UTC"),
        ),
    ),
    Table(
        "annotators",
        "annotator",
        ("annotator_id",),
        (
            Column("annotator_id", "string", "SOURCE:NAME"),
            Column("source", "string", "as in votes"),
            Column("votes", "int64", "answers given"),
            Column("agreement", "float32", "share of votes equal to the majority of the others", nullable=True),
            Column("agreement_n", "int64", "votes that this share rests on"),
            Column("gold_correct", "int64", "of gold_n, answers equal to the known one"),
            Column("gold_n", "int64", "answers given on gold and on control images"),
            Column("gold_accuracy", "float32", "gold_correct / gold_n, 0 to 1; null: none", nullable=True),
            Column("gold_low", "float32", "lower end of its 95 % interval (Wilson)", nullable=True),
            Column("gold_high", "float32", "upper end of its 95 % interval (Wilson)", nullable=True),
            Column("tasks", "int64", "submissions"),
            Column("seconds_per_task", "float32", "median", nullable=True),
            Column("fast_share", "float32", "share of tasks answered faster than the rule's floor", nullable=True),
            Column("excluded", "string", "why their votes do not count; null: they do", nullable=True),
        ),
    ),
    Table("truth", "image", ("image_id",), _TRUTH),
    Table(
        "vote_policy",
        "truth",
        (),
        (
            Column("held_out_sources", "list<string>", "sources whose votes do not count"),
            Column("count_excluded", "bool", "votes of excluded annotators count all the same"),
            Column(
                "ratio", "float64", "share of the original label's selection frequency that makes a label confident"
            ),
            Column("keep", "float64", "confidence, 0 to 1, from which on a label is kept"),
        ),
    ),
    Table("truths", "image, as one version of the truth had it", ("image_id",), _TRUTH),
    Table(
        "truth_versions",
        "truth there was",
        ("version",),
        (
            Column("version", "string", "12 hexadecimal digits"),
            Column("number", "int64", "1 for the first"),
            Column("method", "string", "that gave the confidences"),
            Column("settings", "string", "JSON: of the step truth"),
            Column("images", "int64", "rows"),
            Column("votes", "int64", "behind them"),
        ),
    ),
    Table(
        "needs_vote",
        "pair of image and label",
        ("rank",),
        (
            Column("rank", "int64", "1: to be asked about first"),
            IMAGE_ID,
            CLASS_IDX,
            Column("gain", "float64", "bits that one more answer is expected to tell, 0 to 1"),
            Column("probability", "float64", "that the label holds, by the votes so far"),
            Column("votes", "int32", "so far"),
        ),
    ),
)
