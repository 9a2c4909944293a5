"""The truth that three releases' votes give together, against real.json and against experts.

``python -m benchmarks.reference_truth --data FOLDER`` with FOLDER holding reassessed-imagenet, imagenet-multilabel and
label-errors, each laid out as its publisher does. The votes of all three become one truth by the method ``joint``;
experts' answers and the raters' trial on the same pairs are held out. Against real.json: ``reground truth diff``.
Against experts: average precision, F1 and log loss on the pairs that they judged (a pair holds if (yes + maybe / 2) /
experts is at least 0.5), beside the released scores and the same method on each release's votes alone; intervals are
95 %, by resampling images.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.joint_truth import METRICS, Array, draws, interval, names, released_scores, votes_of
from benchmarks.joint_truth_parts import RELEASES
from benchmarks.record import record
from reground.annotations.published import import_votes
from reground.annotations.references import import_reference
from reground.annotations.truth import TRUTH, Score, TruthSettings
from reground.annotations.truth import diff as compare
from reground.tasks.votes import ANSWER_WEIGHTS, GOLDEN_SET, REASSESSED
from reground.tasks.workspace import Workspace, finish, retire, run_shard, todo

Pair = tuple[str, int]
TOGETHER, RELEASED, ALONE = "together", "released", "real_votes"
"""The truths: all votes, the released scores, and ReaL's votes alone, both by ``joint``."""
EXPERTS = GOLDEN_SET[1]


def prepare(data: Path, workspace: Workspace) -> None:
    """Import all votes, and real.json as a reference truth."""
    for kind, folder in RELEASES.items():
        import_votes(workspace, kind, data / folder)
    import_reference(workspace, "real", data / REASSESSED / "real.json")


def make_truth(workspace: Workspace, hold_out: tuple[str, ...]) -> dict[Pair, float]:
    """Make the truth, and give its confidence in every judged pair."""
    settings = TruthSettings(method="joint", hold_out=hold_out)
    plan = todo(TRUTH, workspace, settings)
    retire(TRUTH, workspace, plan)
    for shard in plan.missing:
        run_shard(TRUTH, workspace, settings, shard)
    finish(TRUTH, workspace, plan)
    rows = workspace.read_arrow("truth", ["image_id", "judged", "confidence"]).to_pylist()
    return {
        (row["image_id"], label): confidence
        for row in rows
        for label, confidence in zip(row["judged"], row["confidence"], strict=True)
    }


def truths(data: Path, workspace: Workspace) -> Iterator[tuple[str, dict[Pair, float]]]:
    """Name of every truth, and its confidence in each pair; that of all votes comes last and stays in the workspace."""
    yield RELEASED, released_scores(data / REASSESSED)
    sources = tuple(RELEASES.values())
    yield ALONE, make_truth(workspace, (*GOLDEN_SET, *(s for s in sources if s != REASSESSED)))
    yield TOGETHER, make_truth(workspace, GOLDEN_SET)


def against_experts(workspace: Workspace, confidences: dict[str, dict[Pair, float]]) -> dict[str, object]:
    """Print and give the figures of every truth, and what the votes together gain."""
    experts = votes_of(workspace, EXPERTS)
    said = np.zeros(len(experts.label))
    np.add.at(said, experts.pair, ANSWER_WEIGHTS[experts.answer])
    holds = said / np.bincount(experts.pair) >= 0.5
    pairs = names(experts)
    image = np.unique(experts.image, return_inverse=True)[1]
    drawn, once = draws(image), np.ones(len(pairs))
    numbers: dict[str, object] = {"pairs": len(pairs), "hold": int(holds.sum())}
    resampled: dict[tuple[str, str], Array] = {}
    for truth, confidence_of in confidences.items():
        confidence = np.array([confidence_of.get(pair, 0.0) for pair in pairs])
        for metric, measure in METRICS.items():
            value = measure(confidence, holds, once)
            resampled[truth, metric] = np.array([measure(confidence, holds, weight) for weight in drawn])
            low, high = interval(resampled[truth, metric])
            print(f"experts: {truth:12} {metric:9} {value:.3f} ({low:.3f} to {high:.3f})")
            numbers[f"{truth}_{metric}"] = value
    for (truth, metric), samples in resampled.items():
        if truth != TOGETHER:
            gains = resampled[TOGETHER, metric] - samples
            low, high = interval(gains)
            print(f"together - {truth:12} {metric:9} {gains.mean():+.3f} ({low:+.3f} to {high:+.3f})")
            numbers |= {f"gain_on_{truth}_{metric}_low": low, f"gain_on_{truth}_{metric}_high": high}
    return numbers


def against_published(workspace: Workspace) -> dict[str, object]:
    """Print and give how far the truth and real.json agree."""
    found = compare(workspace, "own", "real")
    for score in found.scores:
        if score.level != "class":
            print(_line(score))
    whole = found.scores[0].agreement
    values = {name: getattr(whole, name) for name in ("exact", "precision", "recall", "f1")}
    return {
        "images": found.compared,
        "labels": whole.first,
        "published_labels": whole.second,
        **{f"published_{name}": estimate.value for name, estimate in values.items()},
    }


def _line(score: Score) -> str:
    values = (score.agreement.exact, score.agreement.precision, score.agreement.recall, score.agreement.f1)
    cells = (f"{100 * value.value:.1f} ({100 * value.low:.1f} to {100 * value.high:.1f})" for value in values)
    return f"real.json: {score.name or 'all labels':40} n {values[0].n:6,}  " + "  ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the three releases")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Workspace(Path(temporary))
        prepare(data, workspace)
        confidences = dict(truths(data, workspace))
        numbers = {**against_experts(workspace, confidences), **against_published(workspace)}
    record("reference_truth", numbers, ("numpy", "scipy"))


if __name__ == "__main__":
    main()
