"""Poison: images whose features stand out from their class, where the class itself stands out from the others."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from typing import Final

import numpy as np

from reground.tasks.features import Features, feature_models, feature_table, load_features
from reground.tasks.kernels.class_outliers import ClassOutliers, accused, class_outliers
from reground.tasks.schema import ClassIdx
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.workspace import Workspace

log = logging.getLogger(__name__)

MIN_IMAGES: Final = 30
"""Of a class or group that is judged."""
MIN_CLASSES: Final = 5
"""Among which one can stand out."""
REMOVED: Final = 1.5
"""Share of a class that is flagged, over the share of poison expected (Tran, Li, Madry 2018)."""

Members = dict[str, list[int]]
"""Name of a class or group -> rows of its images."""


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each image of a class, or group of small classes, that is large enough to judge."""
    features = load_features(workspace, settings.features)
    labels = _labels(workspace)
    class_idx = [labels.get(name, -1) for name in features.image_ids]
    members, few = _members(workspace, class_idx, settings.by)
    if few:
        log.warning(
            "poison: %d images of %d classes are too few to judge (too_few_to_judge): a class, or a group of small "
            "classes, takes %d",
            sum(map(len, few.values())),
            len(few),
            MIN_IMAGES,
        )
    outliers = {
        name: class_outliers(features.vectors[rows].astype(np.float64), settings.eps) for name, rows in members.items()
    }
    stand_out, threshold = accused([one.statistic for one in outliers.values()])
    if len(outliers) < MIN_CLASSES:
        log.warning("poison: %d classes are judged; none is accused among fewer than %d", len(outliers), MIN_CLASSES)
        stand_out = np.zeros(len(outliers), np.bool_)
    suspects: list[Suspect] = []
    for (name, scores), guilty in zip(outliers.items(), stand_out.tolist(), strict=True):
        suspects += _suspects(features, class_idx, members[name], name, scores, guilty, threshold, settings.eps)
    return suspects


def _labels(workspace: Workspace) -> dict[str, int]:
    images = workspace.read_arrow("images", ["image_id", "class_idx"])
    return dict(zip(images["image_id"].to_pylist(), images["class_idx"].to_pylist(), strict=True))


def _members(workspace: Workspace, class_idx: list[int], by: str) -> tuple[Members, Members]:
    """Rows of what is judged, and of classes that are too small, without a group or in one that is too small."""
    classes: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(class_idx):
        if label >= 0:
            classes[label].append(row)
    groups = _groups(workspace)
    members: Members = {}
    pooled: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for label, rows in sorted(classes.items()):
        if by == "class" and len(rows) >= MIN_IMAGES:
            members[f"class {label}"] = rows
        else:
            pooled[groups.get(label, "")][f"class {label}"] = rows
    few: Members = {}
    for group, of_classes in sorted(pooled.items()):
        rows = sorted(row for rows in of_classes.values() for row in rows)
        if group and len(rows) >= MIN_IMAGES:
            members[f"group {group}"] = rows
        else:
            few |= of_classes
    return members, few


def _groups(workspace: Workspace) -> dict[int, str]:
    """Name of the group of each class in ``groups``, which `reground variants` writes."""
    if "groups" not in workspace.tables():
        return {}
    rows = workspace.read_arrow("groups", ["name", "class_idx"]).to_pylist()
    return {row["class_idx"]: row["name"] for row in rows}


def _suspects(
    features: Features,
    class_idx: list[int],
    rows: list[int],
    name: str,
    scores: ClassOutliers,
    guilty: bool,
    threshold: float,
    eps: float,
) -> list[Suspect]:
    flagged = math.ceil(round(REMOVED * eps * len(rows), 9)) if guilty else 0
    return [
        Suspect(
            features.image_ids[rows[row]],
            score=guilty + 1 - place / len(rows),
            flagged=place < flagged,
            class_idx=ClassIdx(class_idx[rows[row]]),
            evidence={
                "judged": name,
                "n": len(rows),
                "que": float(scores.que[row]),
                "robust_distance": float(scores.distance[row]),
                "isolation": float(scores.isolation[row]),
                "spectral": float(scores.spectral[row]),
                "k": scores.k,
                "eigenvalue_ratio": scores.eigenvalue_ratio,
                "class_statistic": scores.statistic,
                "class_threshold": threshold,
                "accused": guilty,
            },
        )
        for place, row in enumerate(scores.order(guilty).tolist())
    ]


def _tables(workspace: Workspace, settings: SuspectSettings) -> list[str]:
    return [feature_table(workspace, settings.features), *({"groups"} & set(workspace.tables()))]


def _missing(workspace: Workspace, settings: SuspectSettings) -> str:
    if feature_models(workspace):
        return ""
    return f"there are no features: run `reground predict -w {workspace.shell_url} --features`"


METHOD = Method(
    tables=_tables,
    find=find,
    missing=_missing,
    limit="A network that was not trained on these images holds no backdoor of theirs: what it shows is foreign "
    "content or a visible mark, and a trigger on an image of its own class stays unseen.",
    models=lambda workspace, settings: [feature_table(workspace, settings.features).partition("/")[2]],
)
