"""The tables of what a person should look at first, and of what that rests on."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import CLASS_IDX, IMAGE_ID, Column, Table

_PAIR = (
    Column("class_a", "int32", "index into classes, the lower of the two"),
    Column("class_b", "int32", "index into classes, the higher of the two"),
)

SUSPECTS: Final = (
    Table(
        "facts",
        "photograph",
        ("image_id",),
        (
            IMAGE_ID,
            Column("pixel_digest", "string", "XXH3-128 of size and decoded pixels, hexadecimal: equal pixels"),
            Column("hash", "string", "DCT hash of the picture, 16 hexadecimal digits"),
            Column("mirror_hash", "string", "DCT hash of its mirror image, 16 hexadecimal digits"),
            Column("thumbnail", "binary", "48 x 48 grey pixels, row by row, a byte each"),
            Column("aspect", "float32", "long side over short side, at least 1"),
            Column("colourfulness", "float32", "0 is grey, above 15 slightly colourful (Hasler, Suesstrunk 2003)"),
            Column("sharpness", "float32", "variance of the Laplacian at 256 pixels' height; lower is more blurred"),
            Column("contrast", "float32", "standard deviation of grey values, 0 to 128"),
            Column("main_colour_share", "float32", "share of pixels of the most frequent of 512 colours, 0 to 1"),
            Column("dark_share", "float32", "share of pixels that are nearly black, 0 to 1"),
            Column("bright_share", "float32", "share of pixels that are nearly white, 0 to 1"),
        ),
    ),
    Table(
        "neighbours",
        "photograph with features",
        ("image_id",),
        (
            IMAGE_ID,
            Column("neighbours", "list<string>", "photographs with the most similar features, the nearest first"),
            Column("cosine", "list<float32>", "cosine of the features with each, -1 to 1, higher is nearer"),
        ),
    ),
    Table(
        "suspects",
        "suspect of one kind",
        ("kind", "rank"),
        (
            Column(
                "kind", "string", "label, duplicate, leak, outlier, poison, mistake, bridge, dynamics, or a plugin's"
            ),
            Column("rank", "int64", "1 for the most suspect of its kind"),
            IMAGE_ID,
            Column("score", "float64", "higher is more suspect; the unit is the kind's (see docs/suspects.md)"),
            Column("flagged", "bool", "whether the kind's rule calls it suspect"),
            Column(
                "threshold", "float64", "score from which on the rule flags; null: it is no threshold", nullable=True
            ),
            Column("related", "list<string>", "images that belong to it: its twin, the ends of a bridge"),
            Column("class_idx", "int32", "label under suspicion; null: none is", nullable=True),
            Column("proposed", "list<int32>", "labels that would repair it, the most likely first"),
            Column("model", "string", "models that the score rests on, joined by commas; empty: none"),
            Column("evidence", "string", "JSON: the numbers that the score is made of"),
            Column(
                "settled_by",
                "string",
                "what people said since: votes or decision; null: nobody has decided",
                nullable=True,
            ),
        ),
    ),
    Table(
        "suspect_scores",
        "kind of suspect, judged by what people decided",
        ("kind",),
        (
            Column("kind", "string", "as in suspects"),
            Column("faults", "list<string>", "outcomes of truth that show an image rightly suspected"),
            Column("flagged", "int64", "images that the kind's rule flags"),
            Column("flagged_settled", "int64", "of these, settled images, whose original label is known"),
            Column("flagged_faults", "int64", "of these, images rightly suspected"),
            Column("unflagged", "int64", "images that the rule does not flag, without a score included"),
            Column("unflagged_settled", "int64", "of these, settled images, whose original label is known"),
            Column("unflagged_faults", "int64", "of these, images that the rule has missed"),
            Column(
                "precision",
                "float64",
                "share of flagged_settled that is a fault, 0 to 1; null: no flagged image is settled",
                nullable=True,
            ),
            Column("precision_low", "float64", "lower end of its 95 % interval", nullable=True),
            Column("precision_high", "float64", "upper end of its 95 % interval", nullable=True),
            Column(
                "recall",
                "float64",
                "share of all faults that is flagged, if settled images are random ones of those flagged and of the "
                "others, 0 to 1; null: none of either is settled, or no fault is known",
                nullable=True,
            ),
            Column("recall_low", "float64", "lower end of its 95 % interval", nullable=True),
            Column("recall_high", "float64", "upper end of its 95 % interval", nullable=True),
            Column(
                "average_precision",
                "float64",
                "of the order by score, under the same condition, 0 to 1; null: as recall",
                nullable=True,
            ),
            Column("average_precision_low", "float64", "lower end of its 95 % interval", nullable=True),
            Column("average_precision_high", "float64", "upper end of its 95 % interval", nullable=True),
            Column("base_rate", "float64", "share of faults in all images, under the same condition", nullable=True),
        ),
    ),
    Table(
        "class_pairs",
        "pair of classes that models confuse or people accept together",
        ("class_a", "class_b"),
        (
            *_PAIR,
            Column("verdict", "string", "separable, confusable, synonym or undecided (see docs/suspects.md)"),
            Column(
                "confused",
                "float64",
                "share of first answers that name the other class, mean of both classes and all models, 0 to 1; null: "
                "no prediction",
                nullable=True,
            ),
            Column("confused_low", "float64", "lower end of its 95 % interval (Wilson)", nullable=True),
            Column("confused_high", "float64", "upper end of its 95 % interval (Wilson)", nullable=True),
            Column("images", "int64", "images behind it: their original label is one of both, and a model predicts it"),
            Column("co_selected", "int64", "settled images on which people accept both"),
            Column("exclusive", "int64", "settled images on which people accept one and reject the other"),
            Column("two_objects", "int64", "images of co_selected in which people see two objects"),
            Column("n", "int64", "co_selected + exclusive"),
            Column("low", "float64", "lower end of the 95 % interval (Wilson) of co_selected / n", nullable=True),
            Column("high", "float64", "upper end of the 95 % interval (Wilson) of co_selected / n", nullable=True),
            Column(
                "alpha",
                "float64",
                "agreement of people on both labels of the images where both have answers, at most 1 (Krippendorff); "
                "null: not defined",
                nullable=True,
            ),
            Column("models", "list<string>", "models with predictions of the images"),
            Column("top1", "list<float32>", "top-1 accuracy of each on the images that it predicts, original labels"),
            Column("merged_top1", "list<float32>", "the same if both were one class"),
            Column("source", "string", "votes, models or both: whose word there is"),
        ),
    ),
    Table(
        "calibration",
        "bin of equal mass of one model's confidence",
        ("model", "truth", "bin"),
        (
            Column("model", "string", "name of the model"),
            Column("truth", "string", "whose labels are right: original, own or a reference truth's name"),
            Column("bin", "int32", "1 for the least confident"),
            Column("confidence", "float64", "mean probability of the first answer, 0 to 1"),
            Column("accuracy", "float64", "share of right first answers, 0 to 1"),
            Column("low", "float64", "lower end of the 95 % interval of the accuracy (Wilson)"),
            Column("high", "float64", "upper end of the 95 % interval of the accuracy (Wilson)"),
            Column("n", "int64", "number of images"),
        ),
    ),
    Table(
        "sure_and_wrong",
        "pair of image and class that a model is sure of and people rejected",
        ("image_id", "class_idx"),
        (
            Column("rank", "int64", "1 for the pair that some model is surest of"),
            IMAGE_ID,
            CLASS_IDX,
            Column("models", "list<string>", "models whose first answer it is and that are sure of it, surest first"),
            Column("probability", "list<float32>", "probability that each gives it, 0 to 1"),
            Column("is_original", "bool", "whether it is the original label"),
            Column("outcome", "string", "what people decided of the original label, as in truth"),
            Column("labels", "list<int32>", "labels that people kept; empty: none holds"),
            Column("valid_probability", "float32", "probability that the class is valid, given the votes, 0 to 1"),
        ),
    ),
)
