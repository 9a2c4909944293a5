"""Wrong labels planted on photographs: how well suspects of the kind label rank them, against cleanlab; and time.

``python -m benchmarks.suspect_labels --images FOLDER [--flips 100] [--draws 10] [--synthetic 50000]`` with class
folders of JPEG files, called by WordNet ids. Install the peer into the environment that it runs in
(``pip install cleanlab``). For each draw ``flips`` labels become another class, ``random`` or the ensemble's ``second
guess``, and all rank the same labels by the same models: suspects of the kind label, which read each model's top-5;
cleanlab's ensemble score of all probabilities, by its own default (self-confidence) and by the normalised margin; and
plain disagreement, the number of models whose answer is not the label.

- ``auroc_METHOD``: probability that a wrong label ranks above a right one, ties one half; ``precision_METHOD``: share
  of wrong ones among the first 100, its mean over the orders of ties; means of the draws.

Then time: ``synthetic`` images of 1,000 classes, 5 % of the labels wrong, by three models; processor seconds of the
kind label from tables to suspects (``agreement_s``, and ``joint_s`` with the confident joint), of cleanlab's scores
alone (``scores_s``), and of its ``find_label_issues`` of the mean probabilities, ranked, in one process (``issues_s``).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from benchmarks.model_outputs import inputs, labels, photographs, probabilities
from benchmarks.record import record
from reground.tasks.kernels.topk import top_k
from reground.tasks.models import load
from reground.tasks.schema import arrow_schema
from reground.tasks.suspects import SuspectSettings, method
from reground.tasks.workspace import Output, Workspace

MODELS: Final = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
FIRST: Final = 100
TOP: Final = 5
Scores = Callable[[np.ndarray, Sequence[np.ndarray]], np.ndarray]


def put(workspace: Workspace, given: np.ndarray, models: Sequence[np.ndarray]) -> None:
    """Images with labels, and each model's top-5 of them, as `predict` writes it."""
    count = len(given)
    ids = [f"i{number:06d}" for number in range(count)]
    images = {
        "image_id": ids,
        "class_idx": given,
        **{name: [""] * count for name in ("uri", "wnid", "mode", "sha256", "split")},
        **{name: np.ones(count, np.int32) for name in ("width", "height")},
        "boxes": [[] for _ in ids],
    }
    schema = arrow_schema("images")
    table = pa.table({name: images.get(name, pa.nulls(count)) for name in schema.names}, schema=schema)
    workspace.commit("index", "images", "0" * 32, Output({"images": table}))
    for number, probability in enumerate(models):
        classes, best = top_k(probability, np.arange(probability.shape[1], dtype=np.int32), TOP)
        table = pa.table(
            {
                "set": ["photographs"] * count,
                "image_id": ids,
                "class_idx": classes.tolist(),
                "probability": best.tolist(),
                "original_probability": probability[np.arange(count), given].astype(np.float64),
                "entropy": pa.nulls(count),
                "recipe": ["{}"] * count,
            },
            schema=arrow_schema("predictions"),
        )
        workspace.commit("predict", f"m{number}", "0" * 32, Output({f"predictions/m{number}": table}))


def by_reground(given: np.ndarray, models: Sequence[np.ndarray]) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        put(workspace, given, models)
        suspects = method("label").find(workspace, SuspectSettings())
    return np.array([one.score for one in sorted(suspects, key=lambda one: one.image_id)])


def by_cleanlab(score: str) -> Scores:
    from cleanlab.rank import get_label_quality_ensemble_scores  # type: ignore[import-not-found]

    def scores(given: np.ndarray, models: Sequence[np.ndarray]) -> np.ndarray:
        return -get_label_quality_ensemble_scores(given, list(models), method=score, verbose=False)

    return scores


def by_disagreement(given: np.ndarray, models: Sequence[np.ndarray]) -> np.ndarray:
    return sum(model.argmax(axis=1) != given for model in models) + np.zeros(len(given))


def auroc(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Share of pairs of a wrong and a right label in order; ties count one half."""
    difference = scores[wrong][:, None] - scores[~wrong]
    return float((np.sign(difference) + 1).mean() / 2)


def precision(scores: np.ndarray, wrong: np.ndarray, first: int = FIRST) -> float:
    """Share of wrong labels among the first; of tied ones at the end the share that is wrong counts."""
    first = min(first, len(scores))
    cut = np.sort(scores)[-first]
    above, tied = scores > cut, scores == cut
    return float((wrong[above].sum() + (first - above.sum()) * wrong[tied].mean()) / first)


def flip(attack: str, right: np.ndarray, mean: np.ndarray, flips: int, rng: np.random.Generator) -> np.ndarray:
    """Labels of which some are wrong."""
    given = right.copy()
    rows = rng.choice(len(right), min(flips, len(right)), replace=False)
    if attack == "random":
        given[rows] = (right[rows] + rng.integers(1, mean.shape[1], len(rows))) % mean.shape[1]
    else:
        others = mean[rows].copy()
        others[np.arange(len(rows)), right[rows]] = -1
        given[rows] = others.argmax(axis=1)
    return given


def rank(images: Path, flips: int, draws: int) -> None:
    networks = [load(name) for name in MODELS]
    files = photographs(images)
    right = labels(files, networks[0])
    models = [probabilities(inputs(files, network), network) for network in networks]
    methods: dict[str, Scores] = {
        "reground": by_reground,
        "cleanlab": by_cleanlab("self_confidence"),
        "cleanlab_margin": by_cleanlab("normalized_margin"),
        "disagreement": by_disagreement,
    }
    for attack in ("random", "second guess"):
        numbers: dict[str, list[float]] = {}
        for draw in range(draws):
            given = flip(attack, right, np.mean(models, axis=0), flips, np.random.default_rng(draw))
            for name, scores in methods.items():
                values = scores(given, models)
                numbers.setdefault(f"auroc_{name}", []).append(auroc(values, given != right))
                numbers.setdefault(f"precision_{name}", []).append(precision(values, given != right))
        means = {name: float(np.mean(values)) for name, values in sorted(numbers.items())}
        settings = {"labels": attack, "photographs": len(files), "flips": flips, "draws": draws}
        record("suspect_labels", {**settings, **means}, ("cleanlab", "torch", "numpy"))


def synthetic(count: int, classes: int = 1000) -> tuple[np.ndarray, list[np.ndarray]]:
    """Labels, 5 % of them wrong, and three models that are right of 80 %, and sure of half."""
    rng = np.random.default_rng(0)
    right = rng.integers(0, classes, count)
    models: list[np.ndarray] = []
    for _ in MODELS:
        logits = rng.standard_normal((count, classes), np.float32)
        first = np.where(rng.random(count) < 0.8, right, rng.integers(0, classes, count))
        logits[np.arange(count), first] += rng.uniform(4, 10, count).astype(np.float32)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        models.append(logits)
    wrong = rng.random(count) < 0.05
    return np.where(wrong, rng.integers(0, classes, count), right), models


def seconds(work: Callable[[], object], rounds: int = 2) -> float:
    """Least processor seconds of this process and of those that it started."""
    times: list[float] = []
    for _ in range(rounds):
        start = sum(os.times()[:4])
        work()
        times.append(sum(os.times()[:4]) - start)
    return min(times)


def clock(count: int) -> None:
    from cleanlab.filter import find_label_issues  # type: ignore[import-not-found]

    given, models = synthetic(count)
    mean = np.mean(models, axis=0)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        put(workspace, given, models)
        find = method("label").find
        numbers = {
            "synthetic": count,
            "models": len(models),
            "agreement_s": seconds(lambda: find(workspace, SuspectSettings())),
            "joint_s": seconds(lambda: find(workspace, SuspectSettings(out_of_sample=True))),
            "scores_s": seconds(lambda: by_cleanlab("normalized_margin")(given, models)),
            "issues_s": seconds(
                lambda: find_label_issues(given, mean, return_indices_ranked_by="normalized_margin", n_jobs=1)
            ),
        }
    record("suspect_label_time", numbers, ("cleanlab", "numpy", "pyarrow"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="class folders of JPEG files, called by WordNet ids")
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--synthetic", type=int, default=50_000)
    options = parser.parse_args()
    rank(options.images, options.flips, options.draws)
    clock(options.synthetic)


if __name__ == "__main__":
    main()
