"""Poison by the step: a planted cluster comes first, small classes are judged by group or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.suspects import STEP, SuspectSettings
from tests.support.features_world import put_features
from tests.support.suspects_world import find
from tests.support.tables import put

D = 12


def world(sizes: list[int], poison: int = 0) -> tuple[np.ndarray, list[int]]:
    """Features and labels of some classes; the last rows of class 0 are ``poison``."""
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(n, D)) * 0.8 ** np.arange(D) + rng.normal(size=D) * 5 for n in sizes])
    vectors[sizes[0] - poison : sizes[0]] += np.eye(D)[6] * 9
    return vectors.astype(np.float16), [label for label, n in enumerate(sizes) for _ in range(n)]


def test_planted_poison_is_flagged_and_clean_classes_are_not(tmp_path: Path) -> None:
    vectors, classes = world([80] * 16, poison=4)
    suspects = find(put_features(str(tmp_path / "w"), vectors, classes), "poison")
    assert len(suspects) == len(vectors)
    flagged = suspects[suspects.flagged]
    assert set(flagged.class_idx) == {0} and len(flagged) == 6  # 1.5 x 0.05 x 80
    assert {f"{row:05d}" for row in range(76, 80)} <= set(flagged.image_id)
    evidence = suspects.evidence[0]
    assert evidence["accused"] and evidence["class_statistic"] > evidence["class_threshold"]
    assert {"que", "robust_distance", "spectral", "k", "eigenvalue_ratio"} <= set(evidence)


def test_clean_classes_hold_no_poison(tmp_path: Path) -> None:
    suspects = find(put_features(str(tmp_path / "w"), *world([60] * 8)), "poison")
    assert suspects.flagged.sum() <= 5  # of 480: one class by chance at most


def test_small_classes_are_judged_by_their_group_or_not_at_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = put_features(str(tmp_path / "w"), *world([40, 20, 20, 10]))
    put(workspace, "groups", [{"group": 0, "name": "dog", "class_idx": label} for label in (0, 1, 2)])
    suspects = find(workspace, "poison")
    assert {one["judged"] for one in suspects.evidence} == {"class 0", "group dog"}
    assert set(suspects.class_idx) == {0, 1, 2}
    assert not suspects.flagged.any()  # two are too few for one to stand out
    assert "10 images of 1 classes are too few to judge" in caplog.text
    whole = find(workspace, "poison", by="group")
    assert {(one["judged"], one["n"]) for one in whole.evidence} == {("group dog", 80)}


def test_without_features_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegroundError, match=r"no features.*predict.*--features"):
        find(put_features(str(tmp_path / "w"), np.ones((2, 2)), features=False), "poison")


@pytest.mark.parametrize("settings", [{"eps": 0.5}, {"eps": 0.0}, {"by": "image"}])
def test_settings_out_of_range_are_named(settings: dict[str, object]) -> None:
    name = next(iter(settings))
    assert name in str(STEP.faults(SuspectSettings(**settings))[0])  # type: ignore[arg-type]
