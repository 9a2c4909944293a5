"""The report's photographs: which are shown, and for each what models and annotators said.

Reads ``images``, ``classes``, ``groups``, ``truth``, ``candidates``, ``variants/NAME`` and
``predictions/MODEL``; of everything large only the rows of the photographs shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from reground.tasks.report.snapshot import Snapshot
from reground.tasks.schema import PUBLISHED_VARIANTS, VARIANTS, ImageState, Outcome

SETS: Final = (*VARIANTS, *PUBLISHED_VARIANTS)
QUESTIONED: Final = (Outcome.CHANGED, Outcome.EMPTY, Outcome.EXTENDED)
STAGES: Final = (*QUESTIONED, ImageState.IN_REVIEW, Outcome.CONFIRMED, Outcome.LABELLED, ImageState.UNREVIEWED)
"""Outcomes of settled images and states of others, most questioned first."""


@dataclass(frozen=True)
class Label:
    """A label of a photograph.

    Attributes:
        ticked, shown: annotators who ticked it (a 'maybe' counts half) and who were asked; 0 of 0: nobody was.
        score: mean probability over the models, or None if it is no candidate.
        reasons: (model, rank) that made it a candidate.
        undecided: it was asked about, and there is no decision yet.
    """

    class_idx: int
    name: str
    gloss: str
    ticked: float
    shown: int
    score: float | None
    reasons: tuple[tuple[str, int], ...]
    original: bool
    main: bool
    kept: bool
    undecided: bool = False

    @property
    def confidence(self) -> float:
        return self.ticked / self.shown if self.shown else 0.0


@dataclass(frozen=True)
class Mark:
    """A model's most probable class for a variant, and whether its group is the foreground's."""

    model: str
    name: str
    probability: float
    right: bool


@dataclass(frozen=True)
class Cell:
    """One variant of a photograph."""

    variant: str
    content: bytes
    background_id: str | None
    background_group: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Card:
    """Everything the page says of one photograph.

    Attributes:
        stage: outcome of a settled image, else its state.
        group: name of its class's group, or empty.
    """

    image_id: str
    uri: str
    size: tuple[int, int]
    boxes: Sequence[Mapping[str, int]]
    stage: str
    labels: Sequence[Label]
    sources: Sequence[str] = ()
    main_tied: bool = False
    num_objects: int | None = None
    objects: Sequence[Sequence[str]] = ()
    strip: Sequence[Cell] = field(default_factory=tuple)
    group: str = ""

    @property
    def original(self) -> Label:
        return next(label for label in self.labels if label.original)

    @property
    def main(self) -> Label | None:
        return next((label for label in self.labels if label.main), None)

    @property
    def others(self) -> list[Label]:
        """Kept labels beside the original one."""
        return [label for label in self.labels if label.kept and not label.original]

    @property
    def undecided(self) -> list[Label]:
        return [label for label in self.labels if label.undecided]


def order(snapshot: Snapshot) -> pd.DataFrame:
    """Every photograph at hand (image_id, stage), the most questioned first, then the least sure original label."""
    images = snapshot.frame("images", ["image_id", "class_idx"])
    truth = snapshot.frame("truth", ["image_id", "state", "outcome", "judged", "confidence"])
    scores = snapshot.frame("candidates", ["image_id", "class_idx", "score"])
    frame = images.merge(truth, "left", "image_id").merge(scores, "left", ["image_id", "class_idx"])
    frame["stage"] = stage(frame)
    frame["rank"] = frame["stage"].map(STAGES.index)
    frame["voted"] = [_confidence(*row) for row in frame[["class_idx", "judged", "confidence"]].itertuples(index=False)]
    frame = frame.sort_values(["rank", "voted", "score", "image_id"], na_position="first", ignore_index=True)
    return frame[["image_id", "stage"]]


def stage(truth: pd.DataFrame) -> pd.Series[str]:
    """Outcome of each settled image, else its state; images that the truth lacks are unreviewed."""
    return truth["outcome"].fillna(truth["state"]).fillna(ImageState.UNREVIEWED)


def _confidence(class_idx: int, judged: Any, confidence: Any) -> float:
    if not isinstance(judged, Iterable):
        return 0.0
    return next((float(c) for label, c in zip(judged, confidence, strict=True) if label == class_idx), 0.0)


class Album:
    """The cards of some photographs."""

    def __init__(self, snapshot: Snapshot, image_ids: Sequence[str]) -> None:
        self.snapshot, self.image_ids = snapshot, list(image_ids)
        self.models = snapshot.members("predictions")
        names = snapshot.frame("classes", ["class_idx", "name", "gloss"])
        self._names = dict(zip(names["class_idx"], zip(names["name"], names["gloss"], strict=True), strict=True))
        groups = snapshot.frame("groups", ["group", "name", "class_idx"])
        self._group_of: dict[int, int] = dict(zip(groups["class_idx"], groups["group"], strict=True))
        self._group_names: dict[int, str] = dict(zip(groups["group"], groups["name"], strict=True))

    def name(self, class_idx: int) -> str:
        """What annotators are shown; a class outside the vocabulary is said to be that."""
        return self._names.get(class_idx, (f"class {class_idx}" if class_idx >= 0 else "outside the vocabulary", ""))[0]

    def cards(self) -> list[Card]:
        """In the order of ``image_ids``."""
        images = self._by_image("images", ["image_id", "uri", "class_idx", "width", "height", "boxes"])
        truth_columns = ["labels", "undecided", "judged", "confidence", "shown"]
        truth_columns += ["main_label", "main_tied", "num_objects", "objects"]
        truth = self._by_image("truth", ["image_id", *truth_columns, "sources", "state", "outcome"])
        candidates = self._by_image("candidates", ["image_id", "class_idx", "reasons", "score"])
        strips = self._strips()
        return [
            self._card(images[i][0], (truth.get(i) or [{}])[0], candidates.get(i, []), strips.get(i, ()))
            for i in self.image_ids
        ]

    def _by_image(self, table: str, columns: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in self.snapshot.rows(table, columns, self.image_ids):
            rows.setdefault(row["image_id"], []).append(row)
        return rows

    def _card(
        self,
        image: Mapping[str, Any],
        truth: Mapping[str, Any],
        candidates: Iterable[Mapping[str, Any]],
        strip: Sequence[Cell],
    ) -> Card:
        return Card(
            image_id=image["image_id"],
            uri=image["uri"],
            size=(image["width"], image["height"]),
            boxes=image["boxes"],
            stage=truth.get("outcome") or truth.get("state", ImageState.UNREVIEWED),
            labels=self._labels(image["class_idx"], truth, {row["class_idx"]: row for row in candidates}),
            sources=truth.get("sources", ()),
            main_tied=truth.get("main_tied", False),
            num_objects=truth.get("num_objects"),
            objects=[[self.name(label) for label in group] for group in truth.get("objects", [])],
            strip=strip,
            group=self._group_names.get(self._group_of.get(image["class_idx"], -1), ""),
        )

    def _labels(
        self, original: int, truth: Mapping[str, Any], candidates: Mapping[int, Mapping[str, Any]]
    ) -> list[Label]:
        judged = zip(truth.get("judged", []), truth.get("confidence", []), truth.get("shown", []), strict=True)
        votes = {label: (confidence, shown) for label, confidence, shown in judged}
        labels = [
            Label(
                class_idx=idx,
                name=self.name(idx),
                gloss=self._names.get(idx, ("", ""))[1],
                ticked=round(votes[idx][0] * votes[idx][1], 1) if idx in votes else 0.0,
                shown=votes[idx][1] if idx in votes else 0,
                score=candidates[idx]["score"] if idx in candidates else None,
                reasons=_reasons(candidates[idx]["reasons"] if idx in candidates else ()),
                original=idx == original,
                main=idx == truth.get("main_label"),
                kept=idx in (truth.get("labels") or ()),
                undecided=idx in truth.get("undecided", ()),
            )
            for idx in {original, *votes, *candidates}
        ]
        return sorted(labels, key=lambda label: (-label.confidence, -(label.score or 0.0), label.class_idx))

    def _strips(self) -> dict[str, list[Cell]]:
        predictions = self._predictions()
        columns = ["image_id", "group", "background_id", "background_group", "image"]
        strips: dict[str, list[Cell]] = {}
        for variant in SETS:
            for row in self.snapshot.rows(f"variants/{variant}", columns, self.image_ids):
                background_group = self._group_names.get(row["background_group"], "")
                marks = tuple(
                    Mark(model, self.name(top_1), probability, self._group_of.get(top_1) == row["group"])
                    for model, top_1, probability in predictions.get((variant, row["image_id"]), [])
                )
                cell = Cell(variant, row["image"]["bytes"], row["background_id"], background_group, marks)
                strips.setdefault(row["image_id"], []).append(cell)
        return strips

    def _predictions(self) -> dict[tuple[str, str], list[tuple[str, int, float]]]:
        """(variant, image) -> each model, its most probable class, and how probable."""
        predictions: dict[tuple[str, str], list[tuple[str, int, float]]] = {}
        columns = ["set", "image_id", "class_idx", "probability"]
        for model in self.models:
            for row in self.snapshot.rows(f"predictions/{model}", columns, self.image_ids):
                if row["set"] in SETS:
                    top_1 = (model, row["class_idx"][0], row["probability"][0])
                    predictions.setdefault((row["set"], row["image_id"]), []).append(top_1)
        return predictions


def _reasons(texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    pairs = [text.rpartition(":") for text in texts if ":" in text]
    return tuple((model, int(rank)) for model, _, rank in pairs if rank.isdigit())


def short_names(models: Collection[str]) -> dict[str, str]:
    """Names without the words that they all begin with: ``efficientnet-lite0`` -> ``lite0``."""
    words = {model: model.split("-") for model in models}
    common = 0
    while len(models) > 1 and all(
        len(w) > common + 1 and len({x[common] for x in words.values()}) == 1 for w in words.values()
    ):
        common += 1
    return {model: "-".join(w[common:]) for model, w in words.items()}
