"""How near labels come to those of experts, by method: F1, average precision, log loss, calibration.

``python -m benchmarks.joint_truth --data FOLDER`` with FOLDER laid out as google-research/reassessed-imagenet.
Every method has the ordinary raters' votes alone; no method sees an expert's answer. Experts judge: a pair
holds if (yes + maybe / 2) / experts is at least 0.5. Intervals are 95 %, by resampling images. For every
method the temperature that experts would choose is found on nine tenths of the images and tried on the
rest, to tell what calibration there was to gain. Beside the methods, what people reach: each expert on
the label of the others, and all who answered the same questions in the raters' trial, together.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import record
from reground.annotations.published import import_votes
from reground.annotations.truth import strata as originals
from reground.annotations.truth.methods import METHODS
from reground.tasks.votes import (
    ANSWER_WEIGHTS,
    GOLDEN_SET,
    REASSESSED,
    VOTE_COLUMNS,
    VoteArrays,
    VotePolicy,
    encode,
    read_votes,
    selection_frequency,
)
from reground.tasks.workspace import Workspace

Array = np.ndarray[Any, np.dtype[Any]]
Metric = Callable[[Array, Array, Array], float]
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
RELEASED_KEEP = 0.8
"""The released labels are those scored at least so high."""
RESAMPLES, FOLDS = 2000, 10


@dataclass(frozen=True)
class Judged:
    """J pairs that experts judged.

    Attributes:
        image: ``(J,)`` which image, 0 to I - 1.
        holds: ``(J,) bool``, whether the label holds.
        said: ``(experts, J)`` what each said: 0 no, 0.5 maybe, 1 yes.
        crowd: ``(J,)`` mean of the same over the raters' trial.
        confidence: method -> ``(J,)``.
    """

    image: Array
    holds: Array
    said: Array
    crowd: Array
    confidence: dict[str, Array]


def average_precision(confidence: Array, holds: Array, weight: Array) -> float:
    """Mean precision at the rank of each pair that holds; ties are one rank."""
    order = np.argsort(-confidence, kind="stable")
    ends = np.append(np.diff(confidence[order]) != 0, True)
    found, taken = np.cumsum((weight * holds)[order])[ends], np.cumsum(weight[order])[ends]
    return float((np.diff(found, prepend=0) * found / np.maximum(taken, 1e-9)).sum() / found[-1])


def f1(confidence: Array, holds: Array, weight: Array, keep: float = 0.5) -> float:
    kept = confidence >= keep
    return float(2 * (weight * (kept & holds)).sum() / ((weight * kept).sum() + (weight * holds).sum()))


def log_loss(confidence: Array, holds: Array, weight: Array) -> float:
    """In nats; confidences are taken as from 0.001 to 0.999."""
    given = np.clip(np.where(holds, confidence, 1 - confidence), 1e-3, 1 - 1e-3)
    return float(-(weight * np.log(given)).sum() / weight.sum())


METRICS: dict[str, Metric] = {"ap": average_precision, "f1": f1, "log_loss": log_loss}


def judge(data: Path, folder: Path) -> Judged:
    """Every method's confidence in the pairs that experts judged."""
    workspace = Workspace(folder / "workspace")
    import_votes(workspace, "real", data)
    votes = votes_of(workspace, REASSESSED)
    of = read_original_labels(workspace)
    about = (originals.strata(votes, of, originals.animal_classes(workspace)), originals.is_original(votes, of))
    confidence = {name: method(votes, *about) for name, method in METHODS.items()}
    place = {pair: n for n, pair in enumerate(names(votes))}
    trial, experts = (votes_of(workspace, source) for source in GOLDEN_SET)
    named = names(experts)
    rows = np.array([place[pair] for pair in named])
    released = released_scores(data)
    said = np.zeros((int(experts.annotator.max()) + 1, len(named)))
    said[experts.annotator, experts.pair] = ANSWER_WEIGHTS[experts.answer]
    crowd = dict(zip(names(trial), selection_frequency(trial)[0], strict=True))
    return Judged(
        np.unique(experts.image, return_inverse=True)[1],
        said.mean(axis=0) >= 0.5,
        said,
        np.array([crowd[pair] for pair in named]),
        {
            "imagenet9": np.array([released[pair] for pair in named]),
            **{name: values[rows] for name, values in confidence.items()},
        },
    )


def read_original_labels(workspace: Workspace) -> dict[str, int | None]:
    """image_id -> original label."""
    images = originals.known_images(workspace).dropna(subset="original")
    return {str(image_id): int(label) for image_id, label in zip(images["image_id"], images["original"], strict=True)}


def votes_of(workspace: Workspace, source: str) -> VoteArrays:
    """The votes of one source; whatever the others are, they are held out."""
    others = set(workspace.read_arrow("votes", ["source"])["source"].unique().to_pylist()) - {source}
    return encode(read_votes(workspace, VotePolicy(frozenset(others)), VOTE_COLUMNS))


def names(votes: VoteArrays) -> list[tuple[str, int]]:
    """Of each pair, its image and label."""
    return [(votes.image_ids[n], label) for n, label in zip(votes.image.tolist(), votes.label.tolist(), strict=True)]


def released_scores(data: Path) -> dict[tuple[str, int], float]:
    with np.load(data / "scores.npz", allow_pickle=False) as scores:
        names = ((Path(str(name)).stem, int(label)) for name, label in scores["info"])
        return dict(zip(names, scores["tensor"].tolist(), strict=True))


def draws(image: Array, seed: int = 0) -> Array:
    """``(RESAMPLES, J)``: how often each pair counts when images are drawn with replacement."""
    rng, number = np.random.default_rng(seed), int(image.max()) + 1
    return np.stack([np.bincount(rng.integers(0, number, number), minlength=number)[image] for _ in range(RESAMPLES)])


def tempered(confidence: Array, temperature: float) -> Array:
    log_odds = np.log(np.clip(confidence, 1e-9, 1 - 1e-9)) - np.log(np.clip(1 - confidence, 1e-9, 1 - 1e-9))
    return 1 / (1 + np.exp(-log_odds / temperature))


def calibrated(confidence: Array, judged: Judged) -> tuple[Array, list[float]]:
    """Confidences at the temperature best for the other nine tenths of images, and these temperatures."""
    fold = np.random.default_rng(0).permutation(int(judged.image.max()) + 1)[judged.image] % FOLDS
    grid, made, chosen = np.geomspace(0.25, 16, 49), np.zeros(len(confidence)), list[float]()
    for n in range(FOLDS):
        rest = fold != n
        losses = [log_loss(tempered(confidence[rest], t), judged.holds[rest], np.ones(rest.sum())) for t in grid]
        chosen.append(float(grid[int(np.argmin(losses))]))
        made[~rest] = tempered(confidence[~rest], chosen[-1])
    return made, chosen


def interval(values: Array) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def compare(judged: Judged) -> dict[str, object]:
    """Print every method's figures; give those to keep."""
    drawn, once = draws(judged.image), np.ones(len(judged.holds))
    print(f"{len(judged.holds)} pairs of {int(judged.image.max()) + 1} images, {int(judged.holds.sum())} hold")
    numbers: dict[str, object] = {"pairs": len(judged.holds), "hold": int(judged.holds.sum())}
    resampled: dict[tuple[str, str], Array] = {}
    for name, confidence in judged.confidence.items():
        told = [f"{name:20}"]
        for metric, measure in METRICS.items():
            value = measure(confidence, judged.holds, once)
            spread = np.array([measure(confidence, judged.holds, weight) for weight in drawn])
            resampled[name, metric] = spread
            numbers[f"{_column(name)}_{metric}"] = value
            told.append("{} {:.3f} ({:.3f} to {:.3f})".format(metric, value, *interval(spread)))
        again, chosen = calibrated(confidence, judged)
        numbers[f"{_column(name)}_tempered_log_loss"] = log_loss(again, judged.holds, once)
        told.append(f"at T {min(chosen):.2f} to {max(chosen):.2f}: {log_loss(again, judged.holds, once):.3f}")
        print("  ".join(told))
    numbers["released_f1_at_0.8"] = f1(judged.confidence["imagenet9"], judged.holds, once, RELEASED_KEEP)
    print(f"released labels (scored 0.8 or more): f1 {numbers['released_f1_at_0.8']:.3f}")
    return {**numbers, **differences(resampled)}


def differences(resampled: Mapping[tuple[str, str], Array]) -> dict[str, object]:
    """What ``joint`` gains on each other method, on the same draws."""
    numbers: dict[str, object] = {}
    for (name, metric), spread in resampled.items():
        if name != "joint":
            gained = resampled["joint", metric] - spread
            low, high = interval(gained)
            print(f"joint - {name:20} {metric:9} {gained.mean():+.3f} ({low:+.3f} to {high:+.3f})")
            if name == "imagenet9":
                numbers |= {f"gain_{metric}_low": low, f"gain_{metric}_high": high}
    return numbers


def _column(name: str) -> str:
    return name.replace("-", "_")


def calibration(judged: Judged) -> None:
    """Of each method: does a confidence of 0.9 mean nine in ten?"""
    for name, confidence in judged.confidence.items():
        print(name)
        for low, high in itertools.pairwise(BINS):
            inside = (confidence >= low) & ((confidence < high) | (high == 1))
            if inside.any():
                told, true = confidence[inside].mean(), judged.holds[inside].mean()
                print(f"  {low:.1f} to {high:.1f}: {inside.sum():4} pairs, told {told:.2f}, hold {true:.2f}")


def people(judged: Judged) -> dict[str, object]:
    """What people reach: each expert on the others' label, and the whole of the raters' trial."""
    once = np.ones(len(judged.holds))
    each = [f1(said, np.delete(judged.said, n, axis=0).mean(axis=0) >= 0.5, once) for n, said in enumerate(judged.said)]
    together = average_precision(judged.crowd, judged.holds, once)
    print("f1 of each expert on the label of the others:", *(f"{value:.3f}" for value in sorted(each)))
    best = max(f1(judged.crowd, judged.holds, once, keep) for keep in np.unique(judged.crowd).tolist())
    print(f"raters' trial, all together: ap {together:.3f}, f1 {best:.3f} where kept from the share that suits best")
    return {"expert_f1_least": min(each), "expert_f1_most": max(each), "trial_ap": together, "trial_f1_at_best": best}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of raters.npz, golden.npz and scores.npz")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        judged = judge(told.data, Path(temporary))
    numbers = compare(judged)
    calibration(judged)
    record("joint_truth", {**numbers, **people(judged)}, ("numpy", "scipy"))


if __name__ == "__main__":
    main()
