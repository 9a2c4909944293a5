"""Truth: votes -> one row an image. Reads ``images``, ``votes``; writes ``truth``.

Source: Tsipras et al. 2020, sections 3 and 4. CONTAINS votes give each label its selection
frequency and each image its routing. CLASSIFY votes, where there are any, decide: there
people see an image's labels side by side, and say which is the main one and how many
objects there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from tasks.kernels.objects import chosen_together, max_k_cut
from tasks.step import Shard, Step
from tasks.store import Output, Workspace

CONTAINS, CLASSIFY = "contains", "classify"
SELECTED = {"yes": 1.0, "maybe": 0.5, "no": 0.0}
"""What an answer adds to a label's selection frequency."""
MAX_GROUPED = 10
"""Labels grouped into objects at the most (the most chosen): the exact cut is exponential in them."""

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class TruthSettings:
    """How votes become labels.

    Attributes:
        min_annotators: people who must have judged an image's original label for the image to be
            settled (5 in the published routing).
        ratio: another label is confident in CONTAINS when its selection frequency is at least
            this share of the original label's (0.5 in the published routing).
        keep: smallest confidence of a label that is kept, 0 to 1.
    """

    min_annotators: int = 5
    ratio: float = 0.5
    keep: float = 0.5


def plan(workspace: Workspace, settings: TruthSettings) -> list[Shard]:
    """One shard: votes on one image may come from any number of rounds."""
    workspace.require("images", "index IMAGES")
    images = sum(part.rows for _, part in workspace.parts("images"))
    return [Shard("all", (workspace.table_digest("images"), workspace.table_digest("votes")), {}, images)]


def work(workspace: Workspace, settings: TruthSettings, shard: Shard) -> Output:
    """A row for every image, judged or not."""
    votes = workspace.read("votes")
    by_image = {str(image_id): rows for image_id, rows in votes.groupby("image_id", sort=False)}
    images = workspace.read("images", ["image_id", "class_idx"])
    rows = [
        judge(str(image_id), int(original), by_image.get(str(image_id), votes.iloc[:0]), settings)
        for image_id, original in zip(images["image_id"], images["class_idx"], strict=True)
    ]
    return Output({"truth": rows})


def judge(image_id: str, original: int, votes: pd.DataFrame, settings: TruthSettings) -> dict[str, Any]:
    """The truth row of one image, from the rows of ``votes`` about it."""
    if votes.empty:
        return _unreviewed(image_id, original)
    contains, classify = votes[votes["question"] == CONTAINS], votes[votes["question"] == CLASSIFY]
    decisive = selection(contains) | selection(classify)
    judged = sorted(decisive, key=lambda label: (-decisive[label][0], label))
    kept = [label for label in judged if decisive[label][0] >= settings.keep]
    main, tied = mode(list(classify.loc[classify["main"], "class_idx"]))
    num_objects, num_objects_tied = mode(_counts(classify))
    return {
        "image_id": image_id,
        "labels": kept,
        "judged": judged,
        "confidence": [decisive[label][0] for label in judged],
        "shown": [decisive[label][1] for label in judged],
        "main_label": main,
        "main_tied": tied,
        "num_objects": num_objects,
        "num_objects_tied": num_objects_tied,
        "isolated": [],
        "original": original,
        "method": "selection-frequency",
        "objects": group_objects(classify, num_objects),
        "votes": len(votes),
        "sources": sorted(set(votes["source"])),
        "routing": route(original, selection(contains), settings),
        "status": status(original, kept, decisive, settings),
    }


def selection(votes: pd.DataFrame) -> dict[int, tuple[float, int]]:
    """Label -> (selection frequency, people it was shown to). A 'maybe' counts half."""
    weights = votes["answer"].map(SELECTED).astype(float)
    table = weights.groupby(votes["class_idx"]).agg(["mean", "size"])
    rows = zip(table.index, table["mean"], table["size"], strict=True)
    return {int(label): (float(frequency), int(shown)) for label, frequency, shown in rows}


def route(original: int, frequencies: dict[int, tuple[float, int]], settings: TruthSettings) -> str:
    """The published routing after CONTAINS (protocol: notebook of ImageNetMultiLabel).

    Returns:
        ``easy``: the original label is the only confident one. ``several``: others are too, ask
        CLASSIFY. ``too_few_workers``; ``never_selected``: nobody selected the original label;
        ``unreviewed``: it was not asked about.
    """
    if original not in frequencies:
        return "unreviewed"
    base, shown = frequencies[original]
    if shown < settings.min_annotators:
        return "too_few_workers"
    if base == 0:
        return "never_selected"
    others = [
        label
        for label, (frequency, people) in frequencies.items()
        if label != original and people >= settings.min_annotators and frequency >= settings.ratio * base
    ]
    return "several" if others else "easy"


def status(original: int, kept: Sequence[int], judged: dict[int, tuple[float, int]], settings: TruthSettings) -> str:
    """What became of the original label.

    Returns:
        ``confirmed`` (it alone), ``extended`` (it and others), ``changed`` (others alone),
        ``empty`` (nothing holds), or ``open`` (too few people have judged it).
    """
    if original not in judged or judged[original][1] < settings.min_annotators:
        return "open"
    if not kept:
        return "empty"
    if original not in kept:
        return "changed"
    return "confirmed" if len(kept) == 1 else "extended"


def mode(values: Sequence[T]) -> tuple[T | None, bool]:
    """The most frequent value (ties: the one met first), and whether there was a tie."""
    counts = Counter(values).most_common()
    if not counts:
        return None, False
    return counts[0][0], len(counts) > 1 and counts[1][1] == counts[0][1]


def group_objects(classify: pd.DataFrame, num_objects: int | None) -> list[list[int]]:
    """The labels that anybody called valid, grouped by the object they name, first labels first."""
    valid = classify[classify["answer"] == "yes"]
    if valid.empty or not num_objects:
        return []
    table = pd.crosstab(valid["annotator_id"], valid["class_idx"]).astype(bool)
    most_chosen = table.sum().sort_values(ascending=False, kind="stable").index[:MAX_GROUPED]
    chosen = table[most_chosen]
    groups = max_k_cut(chosen_together(chosen.to_numpy()), num_objects)
    labels = np.array(most_chosen)
    return [[int(label) for label in labels[np.array(groups) == group]] for group in range(max(groups) + 1)]


def _counts(classify: pd.DataFrame) -> list[int]:
    """Objects counted, one number a submission."""
    once = classify.dropna(subset=["num_objects"]).drop_duplicates("answer_id")
    return [int(count) for count in once["num_objects"]]


def _unreviewed(image_id: str, original: int) -> dict[str, Any]:
    empty: dict[str, Any] = {name: [] for name in ("judged", "confidence", "shown", "objects", "sources")}
    nothing = {"main_label": None, "main_tied": False, "num_objects": None, "num_objects_tied": False, "votes": 0}
    return {
        "image_id": image_id,
        "original": original,
        "labels": [original],
        "isolated": [],
        "method": "selection-frequency",
        **empty,
        **nothing,
        "routing": "unreviewed",
        "status": "unreviewed",
    }


STEP = Step("truth", 1, TruthSettings, plan, work)
