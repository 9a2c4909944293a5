"""The tables of what models predict, what fools them and how they are judged."""

from __future__ import annotations

from typing import Final

from reground.tasks.schema.column import IMAGE_ID, Column, Table

MODELS: Final = (
    Table(
        "predictions",
        "image of a set",
        ("set", "image_id"),
        (
            Column("set", "string", "photographs, or the name of a variant"),
            IMAGE_ID,
            Column("class_idx", "list<int32>", "the k most probable, best first; -1: outside the vocabulary"),
            Column("probability", "list<float32>", "probability of each, 0 to 1; NaN: not known (imported)"),
            Column(
                "original_probability",
                "float32",
                "probability of the original label, 0 to 1; null: not known, or the model has no such output",
                nullable=True,
            ),
            Column(
                "entropy",
                "float32",
                "entropy of the probabilities of all outputs, nats; null: not known",
                nullable=True,
            ),
            Column("recipe", "string", "JSON: preprocessing, decoder, precision, device, weights hash"),
        ),
    ),
    Table(
        "features",
        "image of a set",
        ("set", "image_id"),
        (
            Column("set", "string", "photographs, or the name of a variant"),
            IMAGE_ID,
            Column("vector", "list<float16>", "what the model's last layer reads, pooled; as long for every image"),
            Column("recipe", "string", "JSON: as in predictions"),
        ),
    ),
    Table(
        "adversarial",
        "foreground",
        ("image_id",),
        (
            IMAGE_ID,
            Column("group", "int32", "group of the foreground"),
            Column("clean_class", "int32", "class predicted on the original variant; -1: outside the vocabulary"),
            Column("clean_correct", "bool", "whether that class lies in the group"),
            Column(
                "vulnerable",
                "bool",
                "whether some background, those of its own group included, makes the prediction wrong",
            ),
            Column("fooled_by", "string", "the first of those backgrounds in the order of the search", nullable=True),
            Column("fooled_into", "int32", "group predicted on fooled_by; -1: a class in no group", nullable=True),
            Column("passes", "int32", "number of forward passes until vulnerable was known"),
            Column(
                "outcome",
                "string",
                "what backgrounds of other groups do: misled (into another group), unmapped (only into a class in "
                "no group) or robust; null: wrong on the original already",
                nullable=True,
            ),
            Column(
                "misled_by", "string", "the first background that misled it, in the order of the search", nullable=True
            ),
            Column("outcome_passes", "int32", "number of further forward passes until the outcome was known"),
            Column("worst", "list<string>", "backgrounds tried that fool it, the most confident first"),
            Column("worst_probability", "list<float32>", "probability of the wrong class on each, 0 to 1"),
        ),
    ),
    Table(
        "adversarial_pool",
        "background",
        ("position",),
        (
            Column("position", "int32", "place in the lists of adversarial_pairs"),
            IMAGE_ID,
            Column("group", "int32", "group of the background"),
        ),
    ),
    Table(
        "adversarial_pairs",
        "foreground on every background",
        ("image_id",),
        (
            IMAGE_ID,
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
            IMAGE_ID,
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
        "evaluation",
        "combination of model, set, metric and subset",
        ("model", "set", "metric", "subset", "truth"),
        (
            Column("model", "string", "name of the model"),
            Column("set", "string", "photographs, a variant, or the two variants of a difference"),
            Column(
                "metric",
                "string",
                "name of the metric (see docs/evaluation.md): on photographs top1_original, top5_original, "
                "real_accuracy, multi_label, multi_label_top5, main_label, selection_frequency, frequency_gap, "
                "nobody_asked, confidence, original_probability, ece_original, ece_multi_label, each ece also "
                "_by_chance, rank_original, rank_multi_label, rank_change; elsewhere group_accuracy, bg_gap and so on",
            ),
            Column(
                "subset",
                "string",
                "all, balanced (mean of groups), reviewed (settled), single_object, multi_object, asked (in a "
                "grid), confirmed, extended, changed, empty or labelled (what people decided, see truth), "
                "superclass:NAME, or a group's name",
            ),
            Column("truth", "string", "whose labels the value rests on: original, own or a reference truth's name"),
            Column(
                "value",
                "float64",
                "share, 0 to 1 (a gap: -1 to 1; a rank: 1 the best; its change: > 0 rose); null: no image counts",
                nullable=True,
            ),
            Column("low", "float64", "lower end of the 95 % interval", nullable=True),
            Column("high", "float64", "upper end of the 95 % interval", nullable=True),
            Column("n", "int64", "number of images"),
            Column("recipe", "string", "how the predictions were made"),
            Column("truth_version", "string", "version of the truth behind the value; empty: original labels"),
            Column("sources", "string", "sources of the votes behind the value; empty: none needed"),
        ),
    ),
    Table(
        "comparison",
        "combination of two models, metric and subset",
        ("metric", "subset", "truth", "model_a", "model_b"),
        (
            Column("model_a", "string", "name of one model"),
            Column("model_b", "string", "name of the other"),
            Column("metric", "string", "as in evaluation"),
            Column("subset", "string", "as in evaluation"),
            Column("truth", "string", "as in evaluation"),
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
