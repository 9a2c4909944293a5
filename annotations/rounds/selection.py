"""Selection: which pairs of image and label a round asks about.

Reads ``candidates``, ``truth``, ``votes``, ``questions``, ``predictions/MODEL``, ``needs_vote`` and ``suspects``, each
if the strategy needs it. Every strategy returns pairs in the order of their priority.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from reground.annotations.rounds.gold import read_gold
from reground.annotations.rounds.grids import PAIR, split_by_grid
from reground.annotations.rounds.suspects import suspect_pairs, suspects_first
from reground.annotations.rounds.task_registry import Task, deleted_task_ids, read_tasks
from reground.tasks.errors import unknown
from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS
from reground.tasks.suspects import require_kinds
from reground.tasks.votes import (
    CLASSIFY,
    CONTAINS,
    VOTE_COLUMNS,
    VotePolicy,
    encode,
    labels_or_original,
    read_votes,
    selection_frequency,
)
from reground.tasks.workspace import Workspace

SEVERAL: Final = "several"
MAX_CONFIDENT: Final = 5
"""Labels confident in CONTAINS that go on to CLASSIFY, beside the original label (Tsipras et al. 2020)."""


@dataclass(frozen=True)
class SelectionContext:
    """Input of a strategy.

    Attributes:
        workspace: with the tables that the strategy needs.
        kind: contains or classify.
        round_number: of the round.
        policy: which votes count.
        min_images: distinct images of a label from which on CONTAINS asks about it.
        suspects: kinds of suspects that come first; empty: none do, and the strategy `suspects` takes all kinds.
    """

    workspace: Workspace
    kind: str
    round_number: int
    policy: VotePolicy
    min_images: int = 1
    suspects: tuple[str, ...] = ()


def select_pairs(
    workspace: Workspace,
    kind: str,
    round_number: int,
    strategy: str,
    limit: int,
    policy: VotePolicy,
    min_images: int = 1,
    suspects: tuple[str, ...] = (),
) -> pd.DataFrame:
    """The pairs to ask about, each once, of the workspace's images: columns ``image_id`` and ``class_idx``.

    Args:
        workspace: with the tables that the strategy needs.
        kind: contains or classify.
        round_number: of the round.
        strategy: one of `STRATEGIES`; empty: `default_strategy`.
        limit: maximum number of pairs (contains) or images (classify), in order of priority; 0: all.
        policy: which votes count.
        min_images: distinct images of a label from which on CONTAINS asks about it.
        suspects: kinds of suspects whose images come first.

    Raises:
        UsageError: an unknown strategy or kind of suspects; the message lists all.
        RegroundError: a table that the strategy needs is missing, or suspects of a kind were not looked for.
    """
    if strategy and strategy not in STRATEGIES:
        raise unknown("strategy (review.selection)", strategy, STRATEGIES)
    select = STRATEGIES[strategy] if strategy else default_strategy
    require_kinds(workspace, suspects)
    context = SelectionContext(workspace, kind, round_number, policy, min_images, suspects)
    pairs = select(context)
    pairs = suspects_first(workspace, suspects, pairs) if suspects else pairs
    image_ids = workspace.read("images", ["image_id"])["image_id"]
    pairs = pairs[pairs["image_id"].isin(image_ids)].drop_duplicates(PAIR)[PAIR]
    if not limit:
        return pairs
    if kind == CLASSIFY:
        return pairs[pairs["image_id"].isin(pairs["image_id"].unique()[:limit])]
    return pairs.head(limit)


def default_strategy(context: SelectionContext) -> pd.DataFrame:
    """Each pair in one question: `candidates` to CONTAINS, what it leaves and what it found `several` of to CLASSIFY.

    Where the round has no CONTAINS questions, CLASSIFY asks about `several` once truth has answers, and about every
    candidate before that.
    """
    if context.kind == CONTAINS:
        return _without(candidates(context), _pairs_of_round(context, CLASSIFY))
    truth = context.workspace.read("truth", ["routing"])
    in_contains = _pairs_of_round(context, CONTAINS)
    if in_contains.empty:
        return several(context) if (truth["routing"] != "unreviewed").any() else candidates(context)
    rest = _left_to_classify(context, in_contains)
    rest = pd.concat([rest, _confident_pairs(context, set(rest["image_id"]))])
    rest = _add_truth_labels(context.workspace, rest)
    pairs = rest if truth.empty else pd.concat([several(context), rest])
    return pairs[~pairs["image_id"].isin(_open_in_contains(context))]


def candidates(context: SelectionContext) -> pd.DataFrame:
    """Every candidate."""
    context.workspace.require("candidates", "candidates")
    return context.workspace.read("candidates", PAIR)


def several(context: SelectionContext) -> pd.DataFrame:
    """Images with several labels confident in CONTAINS: these labels and the original one.

    Source: Tsipras et al. 2020, section 3: the five most selected of the labels that are selected at least half
    as often as the original one (the policy's ``ratio``). For an image without CONTAINS votes in the workspace,
    all its judged labels.
    """
    context.workspace.require("truth", "truth")
    truth = context.workspace.read("truth", ["image_id", "original", "judged", "routing"])
    truth = truth[truth["routing"] == SEVERAL]
    confident = _confident_labels(context, set(truth["image_id"]))
    pairs = [
        (image_id, int(label))
        for image_id, original, judged_labels in zip(truth["image_id"], truth["original"], truth["judged"], strict=True)
        for label in (original, *confident.get(image_id, sorted(set(judged_labels) - {original})))
        if not pd.isna(label)
    ]
    return pd.DataFrame(pairs, columns=PAIR)


def predictions(context: SelectionContext) -> pd.DataFrame:
    """Top-1 predictions on photographs that no other round asked about (human-based evaluation).

    CLASSIFY adds the labels in the truth of the image, so that the main one can be chosen.
    Source: Tsipras et al. 2020, section 5.
    """
    workspace = context.workspace
    names = [name for name in workspace.tables() if name.startswith("predictions/")]
    if not names:
        workspace.require("predictions", "predict")
    top_1 = pd.concat([_top_1(workspace, name) for name in names])
    pairs = top_1[~_is_in(top_1, _pairs_of_other_rounds(context))].drop_duplicates(PAIR).sort_values(PAIR)
    return _add_truth_labels(workspace, pairs) if context.kind == CLASSIFY else pairs


def needs_vote(context: SelectionContext) -> pd.DataFrame:
    """Pairs by the expected information of one more vote; CLASSIFY adds labels as `predictions` does."""
    context.workspace.require("needs_vote", "needs_vote")
    pairs = context.workspace.read("needs_vote", ["rank", *PAIR])[PAIR]
    return _add_truth_labels(context.workspace, pairs) if context.kind == CLASSIFY else pairs


def suspects(context: SelectionContext) -> pd.DataFrame:
    """Suspects that nobody has decided, with the labels proposed in place of theirs."""
    context.workspace.require("suspects", "suspects")
    return _add_truth_labels(context.workspace, suspect_pairs(context.workspace, context.suspects))


STRATEGIES: Final[dict[str, Callable[[SelectionContext], pd.DataFrame]]] = {
    "candidates": candidates,
    SEVERAL: several,
    "predictions": predictions,
    "needs_vote": needs_vote,
    "suspects": suspects,
}


def _confident_pairs(context: SelectionContext, image_ids: set[str]) -> pd.DataFrame:
    confident = _confident_labels(context, image_ids)
    return pd.DataFrame([(image_id, label) for image_id in confident for label in confident[image_id]], columns=PAIR)


def _confident_labels(context: SelectionContext, image_ids: set[str]) -> dict[str, list[int]]:
    """image_id -> the labels confident in CONTAINS beside the original one, of the images that have CONTAINS votes."""
    truth = context.workspace.read("truth", ["image_id", "original"]).dropna()
    originals = dict(zip(truth["image_id"], truth["original"].astype(int), strict=True))
    frequencies = _contains_frequencies(context)
    return {
        image_id: _confident(frequencies[image_id], originals.get(image_id), context.policy.ratio)
        for image_id in sorted(image_ids & frequencies.keys())
    }


def _open_in_contains(context: SelectionContext) -> set[str]:
    """Images that a grid of this round asks about, with a candidate that no vote in the truth judges yet.

    Known answers are no votes, and a deleted task gets none.
    """
    deleted = deleted_task_ids(context.workspace)
    tasks = [task for task in _tasks_of_round(context, CONTAINS) if task.task_id not in deleted]
    asked = _pairs_of(tasks)
    asked = asked[_is_in(asked, candidates(context))]
    truth = context.workspace.read("truth", ["image_id", "judged"])
    judged = truth.explode("judged").dropna().rename(columns={"judged": "class_idx"})[PAIR]
    known = pd.DataFrame([*read_gold(context.workspace)], columns=PAIR)
    return set(_without(_without(asked, judged), known)["image_id"])


def _contains_frequencies(context: SelectionContext) -> dict[str, dict[int, float]]:
    """image_id -> label -> selection frequency in CONTAINS."""
    votes = encode(read_votes(context.workspace, context.policy, VOTE_COLUMNS, CONTAINS))
    frequencies: dict[str, dict[int, float]] = {image_id: {} for image_id in votes.image_ids}
    rows = zip(votes.image.tolist(), votes.label.tolist(), selection_frequency(votes)[0].tolist(), strict=True)
    for image, label, frequency in rows:
        frequencies[votes.image_ids[image]][label] = frequency
    return frequencies


def _confident(frequencies: Mapping[int, float], original: int | None, ratio: float) -> list[int]:
    """The most selected labels but the original one: selected, and ``ratio`` times as often as that."""
    base = 1.0 if original is None else frequencies.get(original, 1.0)
    others = [label for label, share in frequencies.items() if 0 < share >= ratio * base and label != original]
    return sorted(others, key=lambda label: (-frequencies[label], label))[:MAX_CONFIDENT]


def _top_1(workspace: Workspace, table_name: str) -> pd.DataFrame:
    table = workspace.read(table_name, ["set", "image_id", "class_idx"])
    table = table[(table["set"] == PHOTOGRAPHS) & table["class_idx"].str.len().gt(0)]
    pairs = pd.DataFrame({"image_id": table["image_id"], "class_idx": table["class_idx"].str[0].astype("int64")})
    return pairs[pairs["class_idx"] != OUTSIDE]


def _left_to_classify(context: SelectionContext, in_contains: pd.DataFrame) -> pd.DataFrame:
    """The candidates that CONTAINS of this round neither asks about nor will at its next push."""
    rest = _without(candidates(context), in_contains)
    images = context.workspace.read("images", ["image_id", "sha256"])
    content = dict(zip(images["image_id"].tolist(), images["sha256"].tolist(), strict=True))
    not_asked = _without(rest, _pairs_of_round(context, CLASSIFY))
    for_contains, _ = split_by_grid(not_asked, content, context.min_images)
    return _without(rest, for_contains)


def _pairs_of_round(context: SelectionContext, kind: str) -> pd.DataFrame:
    """The pairs that one question of this round asks about."""
    return _pairs_of(_tasks_of_round(context, kind))


def _tasks_of_round(context: SelectionContext, kind: str) -> list[Task]:
    tasks = read_tasks(context.workspace)
    return [task for task in tasks if (task.round_number, task.kind) == (context.round_number, kind)]


def _pairs_of(tasks: Iterable[Task]) -> pd.DataFrame:
    pairs = [
        (image_id, int(label))
        for task in tasks
        for image_id in task.question.image_ids
        for label in task.question.class_idxs
    ]
    return pd.DataFrame(pairs, columns=PAIR)


def _without(pairs: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    return pairs[~_is_in(pairs, others)]


def _pairs_of_other_rounds(context: SelectionContext) -> pd.DataFrame:
    """Pairs with votes or tasks in other rounds; those of this round stay selected, so that it can be resumed."""
    votes = context.workspace.read("votes", ["round", *PAIR])
    tasks = read_tasks(context.workspace)
    open_pairs = _pairs_of(task for task in tasks if task.round_number != context.round_number)
    return pd.concat([votes[votes["round"] != context.round_number][PAIR], open_pairs])


def _is_in(pairs: pd.DataFrame, reference: pd.DataFrame) -> pd.Series:
    index = pd.MultiIndex.from_frame(reference.astype({"class_idx": "int64"}))
    return pd.Series(pd.MultiIndex.from_frame(pairs[PAIR]).isin(index), pairs.index)


def _add_truth_labels(workspace: Workspace, pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs, and of their images the labels that hold or may hold: settled, original and undecided ones."""
    truth = workspace.read_arrow("truth", ["image_id", "original", "labels", "undecided"])
    lists = (labels_or_original(truth).to_pylist(), truth["undecided"].to_pylist())
    rows = zip(truth["image_id"].to_pylist(), *lists, strict=True)
    possible = [(image_id, label) for image_id, *of_image in rows for labels in of_image for label in labels]
    labels = pd.DataFrame([pair for pair in possible if pair[1] != OUTSIDE], columns=PAIR)
    order = {image_id: place for place, image_id in enumerate(pairs["image_id"].unique())}
    union = pd.concat([pairs, labels[labels["image_id"].isin(order)]])
    return union.assign(order=union["image_id"].map(order)).sort_values("order", kind="stable")
