"""What the order of questions saves: votes spent until the labels are those of all votes.

``python -m benchmarks.needs_vote --data FOLDER --errors FOLDER [--pairs N]`` with folders laid out as
google-research/reassessed-imagenet and cleanlab/label-errors. Every pair starts with the first of its real votes;
then, round after round, a twentieth of all pairs gets its next real vote: pairs drawn at random, those that
``needs_vote`` ranks first, without and with models, or those of images whose original label a model contradicts
(suspects first). What each comes to is held against the labels that all votes give (Dawid-Skene, kept at 0.5): F1 over
the labels kept, since most candidates hold for no image.

The model is the one whose cross-validated first answers label-errors publishes: a score of 1 for its answer, 0 for
other labels. An ensemble's probabilities would say more.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import record
from reground.annotations.published import import_votes
from reground.annotations.truth import strata as originals
from reground.annotations.truth.needs_vote import Belief, believe, forecast_of, gain
from reground.tasks.votes import REASSESSED, VOTE_COLUMNS, Ints, VoteArrays, VotePolicy, encode, read_votes
from reground.tasks.workspace import Workspace

Array = np.ndarray[Any, np.dtype[Any]]
Rank = Callable[[Belief], Array]
SHARE, BUDGETS = 0.05, (1.5, 2.0, 3.0)
"""Of all pairs, those asked about in a round; votes a pair at which both ways are compared."""


def prepare(data: Path, folder: Path, pairs: int) -> tuple[VoteArrays, Ints]:
    """The votes, of the first ``pairs`` pairs if told, and the stratum of each pair."""
    workspace = Workspace(folder / "workspace")
    import_votes(workspace, "real", data)
    votes = encode(read_votes(workspace, VotePolicy(), VOTE_COLUMNS))
    images = originals.known_images(workspace)
    known = zip(images["image_id"], images["original"], strict=True)
    of = {str(image_id): int(label) for image_id, label in known if label is not None}
    strata = originals.strata(votes, of, originals.animal_classes(workspace))
    pairs = pairs or len(votes.label)
    kept = some(votes, votes.pair < pairs)
    return replace(kept, image=kept.image[:pairs], label=kept.label[:pairs]), strata[:pairs]


def some(votes: VoteArrays, chosen: Array) -> VoteArrays:
    """The votes chosen, on as many pairs as before."""
    of_votes = ("pair", "annotator", "person", "answer", "contains", "source")
    return replace(votes, **{name: getattr(votes, name)[chosen] for name in of_votes})


def f1(found: Array, wanted: Array) -> float:
    """Of labels kept, against those that all votes keep."""
    return float(2 * (found & wanted).sum() / (found.sum() + wanted.sum()))


def spend(votes: VoteArrays, strata: Ints, rank: Rank, wanted: Array, seed: int) -> list[tuple[float, float]]:
    """(votes a pair, F1) after each round."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(votes.pair))
    turn = np.empty(len(shuffled), np.int64)  # of each vote, how many of its pair come before it
    by_pair = shuffled[np.argsort(votes.pair[shuffled], kind="stable")]
    size = np.bincount(votes.pair, minlength=len(votes.label))
    turn[by_pair] = np.arange(len(by_pair)) - np.repeat(np.cumsum(size) - size, size)
    given = np.ones(len(votes.label), np.int64)
    curve: list[tuple[float, float]] = []
    while True:
        belief = believe(some(votes, turn < given[votes.pair]), strata)
        curve.append((float(given.mean()), f1(belief.holds >= 0.5, wanted)))
        if curve[-1][0] > max(BUDGETS):
            return curve
        worth = np.where(given < size, rank(belief), -np.inf)
        given[np.argsort(-worth, kind="stable")[: int(SHARE * len(given))]] += 1


def at(curve: list[tuple[float, float]], budget: float) -> float:
    """F1 after so many votes a pair."""
    spent, reached = np.array(curve).T
    return float(np.interp(budget, spent, reached))


def votes_for(curve: list[tuple[float, float]], goal: float) -> float:
    """Votes a pair after which the F1 is first reached, between two rounds in proportion; NaN: never."""
    spent, reached = np.array(curve).T
    first = int(np.argmax(reached >= goal))
    if reached[first] < goal:
        return float("nan")
    if first == 0:
        return float(spent[0])
    rise = (goal - reached[first - 1]) / (reached[first] - reached[first - 1])
    return float(spent[first - 1] + rise * (spent[first] - spent[first - 1]))


def first_answers(errors: Path, votes: VoteArrays) -> tuple[Array, Array]:
    """``(P,)`` whether the label of each pair is the model's answer, and whether it is the original label."""
    files = json.loads((errors / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").read_text())
    position = {Path(name).stem: n for n, name in enumerate(files)}
    rows = np.array([position[votes.image_ids[n]] for n in votes.image])
    answers = np.load(errors / "cross_validated_predicted_labels" / "imagenet_val_set_pyx_argmax_predicted_labels.npy")
    original = np.load(errors / "original_test_labels" / "imagenet_val_set_original_labels.npy")
    return answers[rows] == votes.label, original[rows] == votes.label


def ranks(votes: VoteArrays, strata: Ints, errors: Path, seed: int) -> dict[str, Rank]:
    """Name -> order of questions."""
    is_answer, is_original = first_answers(errors, votes)
    has_votes, rng = np.ones(len(strata), np.bool_), np.random.default_rng(seed)
    doubted = np.bincount(votes.image, is_answer & is_original, minlength=len(votes.image_ids))[votes.image] == 0

    def with_models(belief: Belief) -> Array:
        forecast = forecast_of(belief, belief.holds, has_votes, strata, is_original, is_answer.astype(float))
        return gain(belief.holds, strata, belief.answers, forecast)

    return {
        "drawn": lambda belief: rng.random(len(strata)),
        "suspects": lambda belief: doubted + rng.random(len(strata)),
        "ranked": lambda belief: gain(belief.holds, strata, belief.answers, belief.holds),
        "with_models": with_models,
    }


def measure(data: Path, errors: Path, pairs: int, seed: int, folder: Path) -> dict[str, object]:
    votes, strata = prepare(data, folder, pairs)
    wanted = believe(votes, strata).holds >= 0.5
    curves = {
        name: spend(votes, strata, rank, wanted, seed) for name, rank in ranks(votes, strata, errors, seed).items()
    }
    rows: dict[str, object] = {
        "source": REASSESSED,
        "pairs": len(strata),
        "votes": len(votes.pair),
        "start_f1": curves["drawn"][0][1],
    }
    for budget in BUDGETS:
        rows |= {f"{name}_f1_at_{budget}": at(curve, budget) for name, curve in curves.items()}
    goal = at(curves["drawn"], max(BUDGETS))
    for name in ("ranked", "with_models"):
        rows[f"drawn_to_{name}_votes"] = max(BUDGETS) / votes_for(curves[name], goal)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of raters.npz")
    parser.add_argument("--errors", type=Path, required=True, help="folder of label-errors")
    parser.add_argument("--pairs", type=int, default=0, help="only the first N pairs (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(arguments.data, arguments.errors, arguments.pairs, arguments.seed, Path(folder))
    record("needs_vote", rows, ("numpy", "scipy"))


if __name__ == "__main__":
    main()
