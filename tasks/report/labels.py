"""The report's account of labels: what became of the original ones, what people mix up, and who answered.

Reads ``truth``, ``classes``, ``images`` and ``annotators``. Images need not be at hand: where they
are, examples come with their pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from reground.tasks.images import load_groups
from reground.tasks.kernels.intervals import proportion
from reground.tasks.report.decisions import decisions
from reground.tasks.report.models import Number
from reground.tasks.report.photographs import QUESTIONED
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.votes import DEFAULT_POLICY

SHOWN: Final = 12
"""Labels and pairs of labels shown."""
MIN_IMAGES: Final = 2
"""Images on which people must have kept either label alone for a pair to count as mixed up."""
PEOPLE: Final = 30
ELSEWHERE: Final = "in no superclass"
PERSON: Final = (
    "annotator_id",
    "address",
    "name",
    "source",
    "votes",
    "agreement",
    "gold_correct",
    "gold_n",
    "gold_accuracy",
    "gold_low",
    "gold_high",
    "seconds_per_task",
    "excluded",
)


@dataclass(frozen=True)
class Fate:
    """What became of the original labels of one superclass: outcome -> images, and the share questioned."""

    name: str
    counts: Mapping[str, int]
    questioned: Number


@dataclass(frozen=True)
class Moved:
    """An original label, the label kept beside or instead of it, and on how many images; one of them as an example."""

    original: str
    label: str
    images: int
    example: str
    uri: str


@dataclass(frozen=True)
class MixedUp:
    """Two labels that both were asked about on ``images`` images, one of them the original.

    Attributes:
        one, other: the two; ``one`` comes first in the vocabulary.
        kept: images on which people kept the original label alone.
        swapped: the other one alone.
        both, neither: both of them; none.
        examples: (name of the original label, image_id, uri) of an image of either.
    """

    one: str
    other: str
    images: int
    kept: int
    swapped: int
    both: int
    neither: int
    examples: Sequence[tuple[str, str, str]]


def fates(snapshot: Snapshot) -> list[Fate]:
    """Of settled images with a known original label, by superclass, the most questioned first."""
    truth = snapshot.frame("truth", ["original", "outcome"]).dropna()
    rows, _ = load_groups("superclasses", snapshot.frame("classes", ["class_idx", "name", "wnids"]).to_dict("records"))  # type: ignore[arg-type]
    superclass_of = {row["class_idx"]: row["name"] for row in rows}
    superclass = truth["original"].astype(int).map(superclass_of).fillna(ELSEWHERE)
    rows = [
        Fate(str(name), Counter(part), Number(*proportion(part.isin(QUESTIONED).to_numpy(bool))))
        for name, part in truth["outcome"].groupby(superclass)
    ]
    return sorted(rows, key=lambda fate: (fate.name == ELSEWHERE, -fate.questioned.value, fate.name))


class Labels:
    """Pairs of an original label and another one, over all images that people settled."""

    def __init__(self, snapshot: Snapshot) -> None:
        names = snapshot.frame("classes", ["class_idx", "name"])
        self._names: dict[int, str] = dict(zip(names["class_idx"], names["name"], strict=True))
        images = snapshot.frame("images", ["image_id", "uri"])
        self._uris: dict[str, str] = dict(zip(images["image_id"], images["uri"], strict=True))
        truth = snapshot.frame("truth", ["image_id", "original", "labels", "judged"]).dropna()
        self.pairs = pd.DataFrame(_pairs(truth), columns=["image_id", "original", "label", "with", "without"])

    def added(self) -> list[Moved]:
        """Labels kept beside an original one, the most frequent first."""
        return self._moved(self.pairs["with"] & self.pairs["without"])

    def replaced(self) -> list[Moved]:
        """Labels kept where the original one was not, the most frequent first."""
        return self._moved(self.pairs["with"] & ~self.pairs["without"])

    def mixed_up(self) -> list[MixedUp]:
        """Labels of which people keep now one and now the other, the most often mixed up first."""
        label, original = self.pairs["with"], self.pairs["without"]
        fates = {"kept": original & ~label, "swapped": label & ~original, "both": label & original}
        ends = self.pairs[["original", "label"]]
        frame = self.pairs.assign(one=ends.min(axis=1), other=ends.max(axis=1), images=1, **fates)
        rows = frame.groupby(["one", "other"])[["images", *fates]].sum().reset_index()
        rows = rows.assign(frequency=rows[["kept", "swapped"]].min(axis=1))
        rows = rows[rows["frequency"] >= MIN_IMAGES].sort_values(
            ["frequency", "images"], ascending=False, kind="stable"
        )
        return [self._mixed_up(row) for row in rows[:SHOWN].to_dict("records")]  # type: ignore[arg-type]

    def _moved(self, selected: pd.Series[bool]) -> list[Moved]:
        groups = self.pairs[selected].groupby(["original", "label"])["image_id"].agg(["size", "min"])
        top = groups.sort_values("size", ascending=False, kind="stable")[:SHOWN]
        return [
            Moved(self.name(original), self.name(label), int(count), image_id, self._uris.get(image_id, ""))
            for (original, label), (count, image_id) in zip(top.index, top.to_numpy(), strict=True)
        ]

    def _mixed_up(self, row: Mapping[str, int]) -> MixedUp:
        ends = (row["one"], row["other"])
        rows = self.pairs[self.pairs["original"].isin(ends) & self.pairs["label"].isin(ends)]
        examples = rows.groupby("original")["image_id"].min()
        return MixedUp(
            one=self.name(row["one"]),
            other=self.name(row["other"]),
            images=row["images"],
            kept=row["kept"],
            swapped=row["swapped"],
            both=row["both"],
            neither=row["images"] - row["kept"] - row["swapped"] - row["both"],
            examples=[(self.name(idx), str(i), self._uris.get(str(i), "")) for idx, i in examples.items()],  # type: ignore[arg-type]
        )

    def name(self, class_idx: int) -> str:
        """The first of a class's names."""
        return self._names.get(int(class_idx), f"class {class_idx}").split(",")[0]


def _pairs(truth: pd.DataFrame) -> Iterator[tuple[str, int, int, bool, bool]]:
    """(image_id, original, another judged label, whether that is kept, whether the original is)."""
    columns = (truth[name] for name in ("image_id", "original", "labels", "judged"))
    for image_id, original, labels, judged in zip(*columns, strict=True):
        kept = set(labels)
        for label in judged:
            if label != original:
                yield image_id, int(original), int(label), label in kept, original in kept


def people(snapshot: Snapshot) -> tuple[list[dict[str, Any]], int]:
    """Rows of ``annotators`` and whether each one ``counts``; and how many there are.

    Those that do not count come first, then who gave most votes.
    """
    frame, policy = snapshot.frame("annotators", PERSON), snapshot.policy() or DEFAULT_POLICY
    frame = frame.assign(counts=frame["excluded"].isna() | policy.count_excluded).sort_values(
        ["counts", "votes", "annotator_id"], ascending=[True, False, True]
    )
    page_rows = frame[:PEOPLE].astype(object)
    return page_rows.where(page_rows.notna(), None).to_dict("records"), len(frame)  # type: ignore[return-value]


def labels(snapshot: Snapshot) -> dict[str, Any]:
    """Everything the page says of labels."""
    label_pairs = Labels(snapshot)
    rows, count = people(snapshot)
    decision_rows, decision_count = decisions(snapshot)
    return {
        "fates": fates(snapshot),
        "added": label_pairs.added(),
        "replaced": label_pairs.replaced(),
        "mixed_up": label_pairs.mixed_up(),
        "people": rows,
        "people_count": count,
        "decisions": decision_rows,
        "decision_count": decision_count,
    }
