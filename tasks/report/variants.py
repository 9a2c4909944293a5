"""The report's account of what variants are made of: masks, groups, and the two compositions.

Reads ``masks``, ``groups``, ``classes``, ``images``, ``foregrounds`` and ``composition_differences``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from reground.tasks.images import GROUPS, load_groups
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import VARIANTS, ClassRow

LOWEST: Final = 8
"""Quarantined masks shown."""


@dataclass(frozen=True)
class Masks:
    """The masks of one method; quality 0 (not to be used) to 1 as its 5th, 50th and 95th percentile."""

    method: str
    count: int
    quarantined: int
    quality: tuple[float, float, float]


@dataclass(frozen=True)
class Quarantined:
    """A mask that is not to be pasted unseen, and why; the photograph it is of."""

    image_id: str
    method: str
    quality: float
    reason: str
    uri: str
    rle: str
    height: int
    width: int


@dataclass(frozen=True)
class Group:
    """A group: classes the map puts into it, those of them with photographs, photographs, those with variants."""

    name: str
    classes: int
    seen: int
    photographs: int
    foregrounds: int


@dataclass(frozen=True)
class GroupCoverage:
    """How the group map lies on the vocabulary.

    Attributes:
        source: the packaged map that it is, or empty: a user's own.
        groups: in the protocol's order.
        covered, missing: classes in a group, and in none.
        photographs_missing: photographs of classes in none.
        extra: what the map names and the vocabulary lacks; an own map may have nothing of the kind.
    """

    source: str
    groups: tuple[Group, ...]
    covered: int
    missing: int
    photographs_missing: int
    extra: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """How far the pixels of a variant differ between the two compositions.

    Attributes:
        variant: its name, as composed by mask.
        images: composed both ways on the same background.
        elsewhere: images that the two gave different backgrounds; not compared.
        identical: of ``images``, those equal in every pixel.
        mean, largest: share of pixels that differ, 0 to 1.
    """

    variant: str
    images: int
    elsewhere: int
    identical: int
    mean: float
    largest: float


def masks(snapshot: Snapshot) -> list[Masks]:
    """A line for each method."""
    frame = snapshot.frame("masks", ["method", "quality", "quarantine"])
    return [
        Masks(str(method), len(rows), int(rows["quarantine"].notna().sum()), _percentiles(rows["quality"]))
        for method, rows in frame.groupby("method")
    ]


def _percentiles(quality: pd.Series) -> tuple[float, float, float]:
    low, middle, high = quality.quantile([0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)


def quarantined(snapshot: Snapshot) -> list[Quarantined]:
    """Those of the lowest quality first, at most `LOWEST`."""
    frame = snapshot.frame("masks", ["image_id", "quality", "quarantine"])
    worst = frame[frame["quarantine"].notna()].sort_values(["quality", "image_id"])["image_id"][:LOWEST]
    ids = [str(image_id) for image_id in worst]
    columns = ["image_id", "method", "quality", "quarantine", "rle", "height", "width"]
    rows = {row["image_id"]: row for row in snapshot.rows("masks", columns, ids)}
    uris = {row["image_id"]: row["uri"] for row in snapshot.rows("images", ["image_id", "uri"], ids)}
    return [
        Quarantined(i, r["method"], r["quality"], r["quarantine"], uris.get(i, ""), r["rle"], r["height"], r["width"])
        for i, r in ((i, rows[i]) for i in ids)
    ]


def coverage(snapshot: Snapshot) -> GroupCoverage | None:
    """How the groups lie on the classes; None: there are no groups yet."""
    rows = snapshot.frame("groups", ["group", "name", "class_idx"])
    if rows.empty:
        return None
    classes = snapshot.frame("classes", ["class_idx", "name", "wnids", "gloss"])
    images = snapshot.frame("images", ["class_idx"])["class_idx"]
    source, extra = _packaged(rows, classes.to_dict("records"))  # type: ignore[arg-type]
    foregrounds = snapshot.frame("foregrounds", ["group"])["group"]
    grouped = set(rows["class_idx"])
    return GroupCoverage(
        source,
        tuple(_group(group_rows, images, foregrounds) for _, group_rows in rows.groupby("group")),
        covered=len(grouped),
        missing=len(set(classes["class_idx"]) - grouped),
        photographs_missing=int((~images.isin(grouped)).sum()),
        extra=extra,
    )


def _group(rows: pd.DataFrame, images: pd.Series, foregrounds: pd.Series) -> Group:
    group_rows = images[images.isin(rows["class_idx"])]
    foreground_count = int((foregrounds == rows["group"].iloc[0]).sum())
    return Group(str(rows["name"].iloc[0]), len(rows), group_rows.nunique(), len(group_rows), foreground_count)


def _packaged(rows: pd.DataFrame, classes: Sequence[ClassRow]) -> tuple[str, tuple[str, ...]]:
    """The packaged map whose rows these are, and what it has too much for these classes."""
    rows_of_groups = {tuple(row) for row in rows[["group", "name", "class_idx"]].itertuples(index=False)}
    for name in GROUPS:
        packaged_rows, group_coverage = load_groups(name, classes)
        if {(row["group"], row["name"], row["class_idx"]) for row in packaged_rows} == rows_of_groups:
            return name, group_coverage.extra
    return "", ()


def compositions(snapshot: Snapshot) -> list[Difference]:
    """A line for each variant composed both ways; empty: only one composition was made."""
    frame = snapshot.frame("composition_differences", ["variant", "same_background", "differing_share"])
    rows_of = {str(variant): rows for variant, rows in frame.groupby("variant")}
    return [_difference(variant, rows_of[variant]) for variant in VARIANTS if variant in rows_of]


def _difference(variant: str, rows: pd.DataFrame) -> Difference:
    same = rows.loc[rows["same_background"].astype(bool), "differing_share"]
    mean, largest = (float(same.mean()), float(same.max())) if len(same) else (0.0, 0.0)
    return Difference(variant, len(same), len(rows) - len(same), int((same == 0).sum()), mean, largest)
