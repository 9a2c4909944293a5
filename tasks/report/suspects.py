"""The report's account of suspects: what a person should look at first. Reads ``suspects``, ``images``, ``truth``
and ``classes``; of the photographs only those that the page shows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from reground.tasks.errors import RegroundError
from reground.tasks.files import parse_json
from reground.tasks.report.photographs import stage
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import ImageState
from reground.tasks.suspects import method

SHOWN: Final = 6
"""Suspects shown of each kind."""
DUPLICATE: Final = "duplicate"
TWINS: Final = 3
"""Related photographs shown beside one."""
HEADINGS: Final = {
    "label": "Labels that models doubt",
    "duplicate": "Photographs that occur more than once",
    "leak": "Photographs that occur in another set",
    "outlier": "Photographs unlike the others, or broken",
    "poison": "Images that stand apart from their class",
    "bridge": "Photographs that are blends of two others",
}
COLUMNS: Final = (
    *("kind", "rank", "image_id", "score", "flagged", "related", "class_idx", "proposed", "evidence", "settled_by"),
)


@dataclass(frozen=True)
class Picture:
    """A photograph on the page; ``uri`` is empty where this workspace does not have it."""

    image_id: str
    uri: str
    label: str


@dataclass(frozen=True)
class Shown:
    """One suspect as the page shows it.

    Attributes:
        twins: related photographs, at most `TWINS`.
        proposed: names of the labels that would repair it.
        reasons: the numbers behind the score, in words.
        stage: what people say of the image: outcome, or state.
        settled_by: votes or decision; empty: nobody has decided.
    """

    picture: Picture
    twins: Sequence[Picture]
    proposed: Sequence[str]
    reasons: Sequence[str]
    stage: str
    settled_by: str


@dataclass(frozen=True)
class Kind:
    """Suspects of one kind.

    Attributes:
        count, flagged, settled: images with a score, those that the rule flags, and of these those that people settled.
        limit: what the kind does not show.
        suspects: flagged ones, those that nobody has decided first, then by rank; at most `SHOWN`. Of duplicates also
            those that are not flagged, last.
    """

    name: str
    heading: str
    limit: str
    count: int
    flagged: int
    settled: int
    suspects: Sequence[Shown]


def suspects(snapshot: Snapshot) -> list[Kind]:
    """All kinds that were looked for, in the order of `HEADINGS`, then by name."""
    frame = snapshot.frame("suspects", COLUMNS)
    if frame.empty:
        return []
    frame["settled_by"] = frame["settled_by"].fillna("")
    groups = {str(name): rows for name, rows in frame.groupby("kind")}
    names = [name for name in HEADINGS if name in groups] + sorted(groups.keys() - HEADINGS.keys())
    selected = {name: _selected(name, groups[name]) for name in names}
    album = _Album(snapshot, itertools.chain(*selected.values()))
    return [
        Kind(
            name,
            HEADINGS.get(name, f"Suspects of the kind “{name}”"),
            _limit(name),
            groups[name]["image_id"].nunique(),
            int(groups[name]["flagged"].sum()),
            int((groups[name]["flagged"] & (groups[name]["settled_by"] != "")).sum()),
            [album.shown(row) for row in selected[name]],
        )
        for name in names
    ]


def _selected(kind: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Suspects that are shown of one kind; one that is already beside another is not shown again."""
    rows = rows if kind == DUPLICATE else rows[rows["flagged"]]
    rows = rows.assign(passed=~rows["flagged"], is_settled=rows["settled_by"] != "")
    rows = rows.sort_values(["passed", "is_settled", "rank"])
    selected: list[dict[str, Any]] = []
    beside: set[str] = set()
    for row in rows.to_dict("records"):
        if row["image_id"] not in beside:
            selected.append(row)  # type: ignore[arg-type]
            beside |= {row["image_id"], *row["related"][:TWINS]}
        if len(selected) == SHOWN:
            break
    return selected


def _limit(kind: str) -> str:
    try:
        return method(kind).limit
    except RegroundError:  # of a plugin that is not installed here
        return ""


class _Album:
    """The photographs of some suspects, and what people say of them."""

    def __init__(self, snapshot: Snapshot, rows: Iterable[Mapping[str, Any]]) -> None:
        rows = list(rows)
        ids = {name for row in rows for name in (row["image_id"], *row["related"][:TWINS])}
        names = snapshot.frame("classes", ["class_idx", "name"])
        self._names = dict(zip(names["class_idx"], names["name"], strict=True))
        images = snapshot.rows("images", ["image_id", "uri", "class_idx"], ids)
        self._pictures = {
            row["image_id"]: Picture(row["image_id"], row["uri"], self.name(row["class_idx"])) for row in images
        }
        truth = pd.DataFrame(snapshot.rows("truth", ["image_id", "state", "outcome"], ids))
        self._stages = {} if truth.empty else dict(zip(truth["image_id"], stage(truth), strict=True))

    def name(self, class_idx: int) -> str:
        """The first of a class's names."""
        return self._names.get(class_idx, f"class {class_idx}").split(",")[0]

    def shown(self, row: Mapping[str, Any]) -> Shown:
        """A row of ``suspects`` with its pictures."""
        evidence, is_leak = _evidence(row["evidence"]), row["kind"] == "leak"
        twins = [self._twin(str(name), is_leak, evidence) for name in row["related"][:TWINS]]
        return Shown(
            self._pictures.get(row["image_id"], Picture(row["image_id"], "", "")),
            twins,
            [self.name(label) for label in row["proposed"]],
            list(self._reasons(row["kind"], row["score"], evidence)),
            self._stages.get(row["image_id"], ImageState.UNREVIEWED),
            row["settled_by"],
        )

    def _twin(self, image_id: str, is_leak: bool, evidence: Mapping[str, Any]) -> Picture:
        if not is_leak:
            return self._pictures.get(image_id, Picture(image_id, "", ""))
        labels = {twin.get("image_id"): twin.get("label") for twin in evidence.get("twins", ())}
        return Picture(image_id, "", str(labels.get(image_id) or ""))

    def _reasons(self, kind: str, score: float, evidence: Mapping[str, Any]) -> Iterator[str]:
        if kind == "label":
            yield from self._doubts(evidence)
        elif kind in ("duplicate", "leak"):
            yield from _matches(evidence)
        elif kind == "outlier":
            yield from evidence.get("faults", ())
            if "distance" in evidence:
                yield f"distance to the nearest photographs {evidence['distance']:.2f}"
        else:
            yield f"score {score:.3g}"

    def _doubts(self, evidence: Mapping[str, Any]) -> Iterator[str]:
        yield f"probability of the label {evidence.get('probability', 0):.2f}"
        yield f"of the other {evidence.get('other_probability', 0):.2f}"
        yield from (f"{model}: {self.name(answer)}" for model, answer in evidence.get("answers", {}).items())


def _matches(evidence: Mapping[str, Any]) -> Iterator[str]:
    match = evidence.get("match")
    yield {"bytes": "the same file", "pixels": "the same pixels in another file"}.get(
        str(match), f"near copy, correlation {evidence.get('correlation') or 0:.3f}"
    )
    yield from (
        word for word, key in (("mirror image", "mirrored"), ("part of the other", "cropped")) if evidence.get(key)
    )
    if "against" in evidence:
        yield f"in {evidence['against']}"


def _evidence(text: str) -> dict[str, Any]:
    evidence = parse_json(text)
    return evidence if isinstance(evidence, dict) else {}
