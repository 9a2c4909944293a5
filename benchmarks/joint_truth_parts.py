"""What each part of the joint method is worth, and how much hangs on its constants.

``python -m benchmarks.joint_truth_parts --data FOLDER`` with FOLDER holding reassessed-imagenet,
imagenet-multilabel and label-errors, each laid out as its publisher does. The method has the ordinary raters'
votes of the first alone; judges are its experts and, on many more pairs, the people of the other two: a pair holds
if at least half of them say so. A row for each variant, and one for the released scores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.joint_truth import (
    Array,
    average_precision,
    f1,
    log_loss,
    names,
    read_original_labels,
    released_scores,
    votes_of,
)
from benchmarks.record import record
from reground.annotations.published import imagenet_multilabel as published_multilabel
from reground.annotations.published import import_votes
from reground.annotations.published import label_errors as published_label_errors
from reground.annotations.truth import strata as originals
from reground.tasks.kernels.dawid_skene import Votes
from reground.tasks.kernels.joint_truth import Constants, Pairs, joint_truth
from reground.tasks.votes import GOLDEN_SET, REASSESSED, VoteArrays, selection_frequency
from reground.tasks.workspace import Workspace

RELEASES = {
    "real": REASSESSED,
    "imagenet-multilabel": published_multilabel.SOURCE,
    "label-errors": published_label_errors.SOURCE,
}
JUDGES = (GOLDEN_SET[1], published_multilabel.SOURCE, published_label_errors.SOURCE)
NOTHING, EVERYTHING = 1e-9, 1e9
PLAIN = Constants()
VARIANTS = {
    "joint": PLAIN,
    "without the answers on a label": replace(PLAIN, label_strength=EVERYTHING),
    "without the prior of a label": replace(PLAIN, prior_strength=EVERYTHING),
    "without lapses": replace(PLAIN, lapses=NOTHING),
    "without temperature": replace(PLAIN, temperature=1.0),
    "label_strength halved": replace(PLAIN, label_strength=PLAIN.label_strength / 2),
    "label_strength doubled": replace(PLAIN, label_strength=PLAIN.label_strength * 2),
    "prior_strength halved": replace(PLAIN, prior_strength=PLAIN.prior_strength / 2),
    "prior_strength doubled": replace(PLAIN, prior_strength=PLAIN.prior_strength * 2),
    "lapses halved": replace(PLAIN, lapses=PLAIN.lapses / 2),
    "lapses doubled": replace(PLAIN, lapses=PLAIN.lapses * 2),
}


def estimates(votes: VoteArrays, original: Array) -> Iterator[tuple[str, Array]]:
    """Each variant's name and its confidences."""
    pairs = Pairs(votes.image, np.unique(votes.label, return_inverse=True)[1], original.astype(np.int64))
    indices, start = Votes(votes.pair, votes.annotator, votes.answer), selection_frequency(votes)[0]
    for variant, constants in VARIANTS.items():
        yield variant, joint_truth(indices, pairs, start, constants).probability
    yield "without original labels", joint_truth(indices, replace(pairs, stratum=0 * pairs.stratum), start).probability


def measure(data: Path, workspace: Workspace) -> Iterator[dict[str, object]]:
    """A row for each variant."""
    for kind, folder in RELEASES.items():
        import_votes(workspace, kind, data / folder)
    votes = votes_of(workspace, REASSESSED)
    place = {pair: n for n, pair in enumerate(names(votes))}
    judged = {name: judgement(votes_of(workspace, name), place) for name in JUDGES}
    scores = released_scores(data / REASSESSED)
    yield row("released scores", np.array([scores[pair] for pair in place]), judged)
    for variant, confidence in estimates(votes, originals.is_original(votes, read_original_labels(workspace))):
        yield row(variant, confidence, judged)


def judgement(judges: VoteArrays, place: dict[tuple[str, int], int]) -> tuple[Array, Array]:
    """Where the pairs are that they judged, as far as raters did, and whether these hold."""
    shares = zip(names(judges), selection_frequency(judges)[0], strict=True)
    both = [(place[pair], share) for pair, share in shares if pair in place]
    rows, share = zip(*both, strict=True)
    return np.array(rows), np.array(share) >= 0.5


def row(variant: str, confidence: Array, judged: dict[str, tuple[Array, Array]]) -> dict[str, object]:
    numbers: dict[str, object] = {"variant": variant}
    for name, (rows, holds) in judged.items():
        told, once = confidence[rows], np.ones(len(rows))
        numbers[f"{name} pairs"] = len(rows)
        numbers[f"{name} ap"] = average_precision(told, holds, once)
        numbers[f"{name} f1"] = f1(told, holds, once)
        numbers[f"{name} log loss"] = log_loss(told, holds, once)
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the three releases")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for numbers in measure(told.data, Workspace(Path(temporary))):
            record("joint_truth_parts", numbers, ("numpy", "scipy"))


if __name__ == "__main__":
    main()
