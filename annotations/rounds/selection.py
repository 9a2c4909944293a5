"""What to ask: which pairs of image and label a round of questions is about.

Reads ``candidates``, ``truth``, ``votes``, ``questions``, ``predictions/MODEL`` and ``needs_vote``, each
as far as the way of asking needs it. Every way gives pairs in the order of their worth.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import pandas as pd

from reground.annotations.rounds.task_registry import read_tasks
from reground.tasks.errors import unknown
from reground.tasks.schema import OUTSIDE, PHOTOGRAPHS
from reground.tasks.votes import (
    CLASSIFY,
    CONTAINS,
    VOTE_COLUMNS,
    VotePolicy,
    encode,
    read_votes,
    selection_frequency,
)
from reground.tasks.workspace import Workspace

SEVERAL: Final = "several"
BEST: Final = 5
"""Of the labels confident in CONTAINS, so many go on to CLASSIFY, and the original one (Tsipras et al. 2020)."""
PAIR: Final = ["image_id", "class_idx"]


@dataclass(frozen=True)
class Asking:
    """Who asks: the workspace, the question (contains or classify), the round's number, and which votes count."""

    workspace: Workspace
    kind: str
    number: int
    policy: VotePolicy


def select_pairs(
    workspace: Workspace, kind: str, number: int, ask: str, limit: int, policy: VotePolicy
) -> pd.DataFrame:
    """The pairs to ask about, each once, of images at hand: columns ``image_id`` and ``class_idx``.

    Args:
        workspace: see each way for the tables it needs.
        kind: contains or classify.
        number: of the round.
        ask: one of `WAYS`; empty: `usual`.
        limit: most pairs (contains) or images (classify), the worthiest first; 0: all.
        policy: which votes count.

    Raises:
        UsageError: no such way of asking; the message lists all.
        RegroundError: nobody made a table that it needs.
    """
    if ask and ask not in WAYS:
        raise unknown("strategy (review.selection)", ask, WAYS)
    asking = Asking(workspace, kind, number, policy)
    found = (WAYS[ask] if ask else usual)(asking)
    at_hand = workspace.read("images", ["image_id"])["image_id"]
    found = found[found["image_id"].isin(at_hand)].drop_duplicates(PAIR)[PAIR]
    if limit and kind == CLASSIFY:
        found = found[found["image_id"].isin(found["image_id"].unique()[:limit])]
    return found.head(limit) if limit and kind != CLASSIFY else found


def usual(asking: Asking) -> pd.DataFrame:
    """CONTAINS asks about every candidate; CLASSIFY as published once CONTAINS has answers, else the same."""
    answered = asking.workspace.read("truth", ["routing"])["routing"].ne("unreviewed").any()
    return several(asking) if asking.kind == CLASSIFY and answered else candidates(asking)


def candidates(asking: Asking) -> pd.DataFrame:
    """Every candidate."""
    asking.workspace.require("candidates", "candidates")
    return asking.workspace.read("candidates", PAIR)


def several(asking: Asking) -> pd.DataFrame:
    """Images of which CONTAINS found several labels confident, with these labels and the original one.

    Source: Tsipras et al. 2020, section 3: labels selected at least half as often as the original one (the
    policy's ``ratio``), the five most selected. An image whose CONTAINS votes are not at hand goes with all
    labels judged.
    """
    asking.workspace.require("truth", "truth")
    truth = asking.workspace.read("truth", ["image_id", "original", "judged", "routing"])
    chosen = truth[truth["routing"] == SEVERAL]
    frequency = _contains_frequency(asking)
    rows = [
        (image_id, int(label))
        for image_id, original, judged in zip(chosen["image_id"], chosen["original"], chosen["judged"], strict=True)
        for label in _confident(
            frequency.get(image_id, {}), None if pd.isna(original) else int(original), judged, asking.policy.ratio
        )
    ]
    return pd.DataFrame(rows, columns=PAIR)


def predictions(asking: Asking) -> pd.DataFrame:
    """What models take photographs for and nobody was asked about (human-based evaluation).

    CLASSIFY shows each beside the labels that its image is known to have, to choose the main one from.
    Source: Tsipras et al. 2020, section 5.
    """
    workspace = asking.workspace
    names = [name for name in workspace.tables() if name.startswith("predictions/")]
    if not names:
        workspace.require("predictions", "predict")
    top = pd.concat([_top_1(workspace, name) for name in names])
    new = top[~_among(top, _asked_before(asking))].drop_duplicates(PAIR).sort_values(PAIR)
    return _with_company(workspace, new) if asking.kind == CLASSIFY else new


def needs_vote(asking: Asking) -> pd.DataFrame:
    """Pairs of which one more answer is expected to tell most; CLASSIFY shows them as `predictions` does."""
    asking.workspace.require("needs_vote", "needs_vote")
    ranked = asking.workspace.read("needs_vote", ["rank", *PAIR])[PAIR]
    return _with_company(asking.workspace, ranked) if asking.kind == CLASSIFY else ranked


WAYS: Final[dict[str, Callable[[Asking], pd.DataFrame]]] = {
    "candidates": candidates,
    SEVERAL: several,
    "predictions": predictions,
    "needs_vote": needs_vote,
}


def _contains_frequency(asking: Asking) -> dict[str, dict[int, float]]:
    """image_id -> label -> selection frequency in CONTAINS."""
    votes = encode(read_votes(asking.workspace, asking.policy, VOTE_COLUMNS, CONTAINS))
    frequencies: dict[str, dict[int, float]] = {image_id: {} for image_id in votes.image_ids}
    rows = zip(votes.image.tolist(), votes.label.tolist(), selection_frequency(votes)[0].tolist(), strict=True)
    for image, label, frequency in rows:
        frequencies[votes.image_ids[image]][label] = frequency
    return frequencies


def _confident(frequency: dict[int, float], original: int | None, judged: Collection[int], ratio: float) -> list[int]:
    if not frequency:
        return sorted({int(label) for label in judged} | ({original} if original is not None else set()))
    least = ratio * frequency.get(original, 0.0) if original is not None else ratio
    confident = [label for label, share in frequency.items() if share > 0 and share >= least and label != original]
    best = sorted(confident, key=lambda label: (-frequency[label], label))[:BEST]
    return best if original is None else [original, *best]


def _top_1(workspace: Workspace, name: str) -> pd.DataFrame:
    table = workspace.read(name, ["set", "image_id", "class_idx"])
    table = table[(table["set"] == PHOTOGRAPHS) & table["class_idx"].str.len().gt(0)]
    top = pd.DataFrame({"image_id": table["image_id"], "class_idx": table["class_idx"].str[0].astype("int64")})
    return top[top["class_idx"] != OUTSIDE]


def _asked_before(asking: Asking) -> pd.DataFrame:
    """Pairs with votes, or out, in any other round: within one round the answer stays the same."""
    votes = asking.workspace.read("votes", ["round", *PAIR])
    earlier = [
        (image_id, int(label))
        for task in read_tasks(asking.workspace)
        if task.round_number != asking.number
        for image_id in task.question.image_ids
        for label in task.question.class_idxs
    ]
    return pd.concat([votes[votes["round"] != asking.number][PAIR], pd.DataFrame(earlier, columns=PAIR)])


def _among(frame: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    known = pd.MultiIndex.from_frame(others.astype({"class_idx": "int64"}))
    return pd.Series(pd.MultiIndex.from_frame(frame[PAIR]).isin(known), frame.index)


def _with_company(workspace: Workspace, chosen: pd.DataFrame) -> pd.DataFrame:
    """The pairs, and the labels that their images are known to have."""
    truth = workspace.read("truth", ["image_id", "labels"]).explode("labels").dropna()
    known = truth.rename(columns={"labels": "class_idx"}).astype({"class_idx": "int64"})
    place = {image_id: n for n, image_id in enumerate(chosen["image_id"].unique())}
    both = pd.concat([chosen, known[known["image_id"].isin(place)]])
    return both.assign(place=both["image_id"].map(place)).sort_values("place", kind="stable")
