"""The floor plan: every table, its columns, types, units, key and meaning.

A table named ``variants/NAME`` belongs to the family ``variants``; all members of a family
share one plan. Column types are the names ``tasks.arrow`` turns into Arrow types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from tasks.errors import unknown

ImageId = NewType("ImageId", str)
"""An image's key in every table: the stem of its file (or its path, with ``--ids path``)."""
ClassIdx = NewType("ClassIdx", int)
"""A class's key: its index in the workspace's ``classes`` table. -1: outside the vocabulary."""
AnnotatorId = NewType("AnnotatorId", str)
"""An annotator's key: ``SOURCE:NAME``, unique across sources."""

OUTSIDE: Final = ClassIdx(-1)
PHOTOGRAPHS: Final = "photographs"
"""The set of indexed images themselves, beside the variants made of them."""
VARIANTS: Final = (
    "original",
    "only_bg_b",
    "only_bg_t",
    "no_fg",
    "only_fg",
    "mixed_same",
    "mixed_rand",
    "mixed_next",
)
"""The eight ImageNet-9 variants, in the order of the paper (Xiao et al. 2020, figure 1)."""
PARITY: Final = ("only_bg_t_parity", "mixed_same_parity", "mixed_rand_parity", "mixed_next_parity")
"""The variants that the published composition may make otherwise, made so beside the others to compare."""


class DropReason(StrEnum):
    """Why something was left out: the closed list of the ``dropped`` table."""

    UNREADABLE = "unreadable"  # the operating system refused to open it
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"  # over the pixel limit: a decompression bomb, or a setting to raise
    ANIMATED = "animated"
    DUPLICATE_ID = "duplicate_id"
    LABEL_UNKNOWN = "label_unknown"  # outside the vocabulary
    LABEL_MISSING = "label_missing"
    NO_ORIGINAL = "no_original"  # a variant or mask of an image that is not there
    IMAGE_SIZE_MISMATCH = "image_size_mismatch"  # of another size than its set has
    BOX_FILE_INVALID = "box_file_invalid"
    BOX_OUTSIDE_IMAGE = "box_outside_image"
    BOX_SIZE_MISMATCH = "box_size_mismatch"  # the box file speaks of an image of another size
    NO_BOX = "no_box"
    SEVERAL_BOXES = "several_boxes"
    BOX_TOO_LARGE = "box_too_large"
    BOX_OUTSIDE_CROP = "box_outside_crop"
    MASK_FAILED = "mask_failed"
    MASK_TOO_SMALL = "mask_too_small"
    MASK_MISSING = "mask_missing"  # nobody supplied one
    MASK_SIZE_MISMATCH = "mask_size_mismatch"  # a supplied mask of another size than its image
    MASK_QUARANTINED = "mask_quarantined"  # of too low quality to be pasted unseen
    NO_GROUP = "no_group"  # the class lies in none of the groups
    NO_BACKGROUND = "no_background"  # no strip beside the box, or no image to take one from
    IMAGE_UNKNOWN = "image_unknown"  # a vote on, or a prediction of, an image that the workspace lacks
    ORIGINAL_DISPUTED = "original_disputed"  # two sources name different original labels of an image
    TASK_DELETED = "task_deleted"  # a question that somebody deleted in Label Studio
    ANSWER_INVALID = "answer_invalid"  # a person's answer that contradicts itself
    ANSWER_TAMPERED = "answer_tampered"  # changed by somebody other than who gave it
    ANSWER_SUPERSEDED = "answer_superseded"  # the same person answered the same task again
    ANSWER_SURPLUS = "answer_surplus"  # enough people had answered the task before
    ANSWER_UNINVITED = "answer_uninvited"  # by somebody other than the one person who was asked


@dataclass(frozen=True)
class Column:
    """One column: ``type`` is a name in `tasks.arrow.ARROW_TYPES`."""

    name: str
    type: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table (or family of tables): its key columns identify a row."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def names(self) -> list[str]:
        return [column.name for column in self.columns]


_IMAGE_ID = Column("image_id", "string", "key of the image")
_CLASS_IDX = Column("class_idx", "int32", "index into classes")

_TRUTH = (
    _IMAGE_ID,
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
    Column("evidence", "string", "hash of those votes, 16 hexadecimal digits; empty: none"),
    Column("routing", "string", "easy, several, too_few_workers, never_selected or unreviewed"),
    Column(
        "status",
        "string",
        "confirmed, extended, changed, settled (the original is unknown), empty, open or unreviewed",
    ),
    Column("method", "string", "that gave the confidences: selection-frequency or dawid-skene"),
)

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "classes",
            "class",
            ("class_idx",),
            (
                _CLASS_IDX,
                Column("name", "string", "what people are shown, unique"),
                Column("wnids", "list<string>", "WordNet ids it covers; empty for an own class without one"),
                Column("gloss", "string", "definition; may be empty"),
            ),
        ),
        Table(
            "images",
            "image",
            ("image_id",),
            (
                _IMAGE_ID,
                Column("uri", "string", "where the file lies: an absolute path"),
                Column("class_idx", "int32", "the original label"),
                Column("wnid", "string", "first WordNet id of that class, or empty"),
                Column("width", "int32", "pixels, as shown (after EXIF rotation)"),
                Column("height", "int32", "pixels, as shown (after EXIF rotation)"),
                Column("mode", "string", "Pillow's mode of the file"),
                Column("sha256", "string", "of the file's bytes, hexadecimal"),
                Column("boxes", "list<box>", "xmin, ymin, xmax, ymax in pixels, of the labelled object"),
                Column("split", "string", "name of the split, as given"),
            ),
        ),
        Table(
            "originals",
            "image known by its id alone",
            ("image_id", "source"),
            (
                _IMAGE_ID,
                Column("class_idx", "int32", "the original label", nullable=True),
                Column("routing", "string", "as in truth, where the source says so", nullable=True),
                Column("source", "string", "as in votes"),
            ),
        ),
        Table(
            "dropped",
            "thing left out",
            ("stage", "item", "reason", "detail"),
            (
                Column("stage", "string", "the step that left it out"),
                Column("item", "string", "an image_id, a uri or another key"),
                Column("reason", "string", "one of DropReason"),
                Column("detail", "string", "what was found, for a person to read"),
            ),
        ),
        Table(
            "masks",
            "image with a mask",
            ("image_id",),
            (
                _IMAGE_ID,
                Column("method", "string", "how the mask was made"),
                Column("rle", "string", "COCO compressed run lengths (column-major), at native size"),
                Column("width", "int32", "pixels"),
                Column("height", "int32", "pixels"),
                Column(
                    "box",
                    "box",
                    "the box that variants fill where images has not exactly one: that of all its boxes, or the tight "
                    "box of the mask where it has none; null: the one in images",
                    nullable=True,
                ),
                Column("area_ratio", "float32", "foreground pixels / pixels of the box, 0 to 1"),
                Column("quality", "float32", "0 (not to be used) to 1"),
                Column("quarantine", "string", "why it is not to be pasted unseen; null: it may be", nullable=True),
                Column("seed", "int64", "of the method's random start; 0: it has none"),
            ),
        ),
        Table(
            "groups",
            "class in a group",
            ("group", "class_idx"),
            (
                Column("group", "int32", "0 to number of groups - 1, in the protocol's order"),
                Column("name", "string", "name of the group"),
                _CLASS_IDX,
            ),
        ),
        Table(
            "foregrounds",
            "image with variants",
            ("image_id",),
            (
                _IMAGE_ID,
                _CLASS_IDX,
                Column("group", "int32", "group of the class"),
                Column("rle", "string", "mask at the size of the variants, COCO compressed run lengths"),
                Column("width", "int32", "pixels of the variants"),
                Column("height", "int32", "pixels of the variants"),
            ),
        ),
        Table(
            "variants",
            "variant image",
            ("image_id",),
            (
                _IMAGE_ID,
                Column("background_id", "string", "image whose background it has", nullable=True),
                _CLASS_IDX,
                Column("group", "int32", "group of the foreground"),
                Column("background_group", "int32", "group of the background", nullable=True),
                Column("seed", "int64", "that chose the background"),
                Column(
                    "image", "image", "bytes (PNG; a released file as it came) and path: the Hugging Face image layout"
                ),
            ),
        ),
        Table(
            "parity",
            "variant of an image composed both ways",
            ("variant", "image_id"),
            (
                Column("variant", "string", "name of the variant, as composed by mask"),
                _IMAGE_ID,
                Column("same_background", "bool", "both ways have the same image's background, or their own"),
                Column("differs", "float32", "share of pixels in which variants/NAME and variants/NAME_parity differ"),
            ),
        ),
        Table(
            "predictions",
            "image of a set",
            ("set", "image_id"),
            (
                Column("set", "string", "photographs, or the name of a variant"),
                _IMAGE_ID,
                Column("class_idx", "list<int32>", "the k most probable, best first; -1: outside the vocabulary"),
                Column("probability", "list<float32>", "of each, 0 to 1; NaN: not said (imported)"),
                Column("recipe", "string", "JSON: preprocessing, decoder, precision, device, weights hash"),
            ),
        ),
        Table(
            "adversarial",
            "foreground",
            ("image_id",),
            (
                _IMAGE_ID,
                Column("group", "int32", "group of the foreground"),
                Column("clean_class", "int32", "predicted on the original variant; -1: outside the vocabulary"),
                Column("clean_correct", "bool", "whether that class lies in the group"),
                Column("vulnerable", "bool", "some background, own group and own image included, turns it wrong"),
                Column("fooled_by", "string", "the first found of those backgrounds", nullable=True),
                Column("fooled_into", "int32", "group predicted on it; -1: a class in no group", nullable=True),
                Column("passes", "int32", "forward passes until that was known"),
                Column(
                    "outcome",
                    "string",
                    "of backgrounds of other groups: misled (into another group), unmapped (only into a class in "
                    "no group) or robust; null: wrong on the original already",
                    nullable=True,
                ),
                Column("misled_by", "string", "the first found that misled it", nullable=True),
                Column("outcome_passes", "int32", "further forward passes until the outcome was known"),
                Column("worst", "list<string>", "backgrounds tried that fool it, the most confident first"),
                Column("worst_probability", "list<float32>", "of the wrong class on each, 0 to 1"),
            ),
        ),
        Table(
            "adversarial_pool",
            "background",
            ("position",),
            (
                Column("position", "int32", "place in the lists of adversarial_pairs"),
                _IMAGE_ID,
                Column("group", "int32", "group of the background"),
            ),
        ),
        Table(
            "adversarial_pairs",
            "foreground on every background",
            ("image_id",),
            (
                _IMAGE_ID,
                Column(
                    "predicted",
                    "list<int32>",
                    "class on each background of adversarial_pool; -1: outside the vocabulary, -2: not tried",
                ),
                Column("recipe", "string", "JSON: how the predictions were made"),
            ),
        ),
        Table(
            "adversarial_margins",
            "foreground on every background, searched",
            ("image_id",),
            (
                _IMAGE_ID,
                Column(
                    "margin",
                    "list<float32>",
                    "best logit within the foreground's group minus the best elsewhere, on each background of "
                    "adversarial_pool; above 0 is right; NaN: not tried",
                ),
            ),
        ),
        Table(
            "adversarial_backgrounds",
            "background",
            ("image_id",),
            (
                Column("image_id", "string", "key of the image that lends the background"),
                Column("group", "int32", "group of the background"),
                Column("tried", "int32", "foregrounds of other groups tried on it"),
                Column("into_own", "int32", "of those, predicted as the background's own group"),
                Column("wrong", "int32", "of those, predicted wrong in any way"),
                Column("unmapped", "int32", "of those, predicted as a class in no group"),
                Column("own_rate", "float32", "into_own / tried, 0 to 1; null: none tried", nullable=True),
                Column("wrong_rate", "float32", "wrong / tried, 0 to 1; null: none tried", nullable=True),
            ),
        ),
        Table(
            "adversarial_shared",
            "background tried by several models",
            ("image_id",),
            (
                Column("image_id", "string", "key of the image that lends the background"),
                Column("group", "int32", "group of the background"),
                Column("models", "list<string>", "models that tried it"),
                Column("tried", "int32", "foregrounds of other groups that all of them tried on it"),
                Column("fooled_all", "int32", "of those, wrong for every model"),
            ),
        ),
        Table(
            "candidates",
            "image x label",
            ("image_id", "class_idx"),
            (
                _IMAGE_ID,
                _CLASS_IDX,
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
                _IMAGE_ID,
                _CLASS_IDX,
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
                _IMAGE_ID,
                _CLASS_IDX,
                Column("answer", "string", "yes (a positive control) or no (a negative one)"),
            ),
        ),
        Table(
            "control_answers",
            "answer on a control image",
            ("image_id", "class_idx", "annotator_id", "answer_id"),
            (
                _IMAGE_ID,
                _CLASS_IDX,
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
                _IMAGE_ID,
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
                _IMAGE_ID,
                _CLASS_IDX,
                Column("gain", "float64", "bits that one more answer is expected to tell, 0 to 1"),
                Column("probability", "float64", "that the label holds, by the votes so far"),
                Column("votes", "int32", "so far"),
            ),
        ),
        Table(
            "evaluation",
            "model x set x metric",
            ("model", "set", "metric", "subset"),
            (
                Column("model", "string", "name of the model"),
                Column("set", "string", "photographs, a variant, or the two variants of a difference"),
                Column(
                    "metric",
                    "string",
                    "what was measured (docs/evaluation.md): on photographs top1_original, top5_original, "
                    "real_accuracy, multi_label, multi_label_top5, main_label, selection_frequency, nobody_asked, "
                    "rank_original, rank_multi_label, rank_change; elsewhere group_accuracy, bg_gap and so on",
                ),
                Column(
                    "subset",
                    "string",
                    "all, balanced (mean of groups), reviewed (settled), single_object, multi_object, asked (in a "
                    "grid), superclass:NAME, or a group's name",
                ),
                Column("value", "float64", "share, 0 to 1 (a gap: -1 to 1; a rank: 1 the best; its change: > 0 rose)"),
                Column("low", "float64", "lower end of the 95 % interval"),
                Column("high", "float64", "upper end of the 95 % interval"),
                Column("n", "int64", "images it rests on"),
                Column("recipe", "string", "how the predictions were made"),
                Column("truth_version", "string", "of the truth it was measured on; empty: original labels"),
                Column("sources", "string", "where the votes behind it came from; empty: none needed"),
            ),
        ),
        Table(
            "comparison",
            "pair of models x metric",
            ("metric", "subset", "model_a", "model_b"),
            (
                Column("model_a", "string", "name of one model"),
                Column("model_b", "string", "name of the other"),
                Column("metric", "string", "as in evaluation"),
                Column("subset", "string", "as in evaluation"),
                Column("difference", "float64", "model_a minus model_b on the same images, -1 to 1"),
                Column("low", "float64", "lower end of the 95 % interval"),
                Column("high", "float64", "upper end of the 95 % interval"),
                Column("p_value", "float64", "exact McNemar test of no difference, two-sided"),
                Column("p_holm", "float64", "the same, corrected for all pairs of this metric and subset"),
                Column("order_held", "float64", "share of resamples with the same model ahead; equals count half"),
                Column("only_a", "int64", "images on which only model_a is right"),
                Column("only_b", "int64", "images on which only model_b is right"),
                Column("n", "int64", "images that both predicted"),
                Column("truth_version", "string", "as in evaluation"),
                Column("sources", "string", "as in evaluation"),
            ),
        ),
    )
}


def family(name: str) -> str:
    """``variants/mixed_rand`` -> ``variants``."""
    return name.partition("/")[0]


def table(name: str) -> Table:
    """The plan of the table ``name`` (``FAMILY`` or ``FAMILY/MEMBER``).

    Raises:
        UsageError: no such table; the message lists all.
    """
    try:
        return TABLES[family(name)]
    except KeyError:
        raise unknown("table", name, TABLES) from None
