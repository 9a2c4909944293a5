"""One image as exports see it: its labels, what people made of it, and its photograph where there is one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from reground.tasks.errors import RegroundError
from reground.tasks.schema import ImageState
from reground.tasks.storage import read_uri


@dataclass(frozen=True)
class Photo:
    """A photograph at hand; fields as in ``images``."""

    uri: str
    width: int
    height: int
    sha256: str
    boxes: list[dict[str, int]]
    split: str

    def read(self) -> bytes:
        """The file as it was indexed.

        Raises:
            OSError: it is gone.
            RegroundError: it has changed.
        """
        content = read_uri(self.uri)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise RegroundError(
                f"expected {self.uri} as it was indexed, but it has changed: bring the file back, or run "
                "`reground index` and the steps after it again."
            )
        return content


@dataclass(frozen=True)
class Consensus:
    """What most annotators said of the objects in an image, whether or not its labels are settled.

    Fields as in ``truth``.
    """

    main_label: int | None
    main_tied: bool
    num_objects: int | None
    objects: list[list[int]]
    isolated: list[int]


@dataclass(frozen=True)
class ExportImage:
    """One image with its labels; fields as in ``truth``.

    Attributes:
        labels: those that people settled, else the original label alone.
        confidence: by label.
        consensus: see `Consensus`.
        photo: None: not at hand.
        suspects: column -> value: of each kind that was looked for whether the image is flagged, and its score.
    """

    image_id: str
    original: int | None
    state: str
    outcome: str | None
    labels: list[int]
    confidence: dict[int, float]
    consensus: Consensus
    votes: int
    sources: list[str]
    routing: str
    method: str
    photo: Photo | None
    suspects: dict[str, bool | float | None] = field(default_factory=dict[str, "bool | float | None"])

    @property
    def main_label(self) -> int | None:
        """The label of the main object; None unless the image is settled."""
        return self.consensus.main_label if self.state == ImageState.SETTLED else None

    @property
    def main_tied(self) -> bool:
        """Whether another label has as many main votes as `main_label`."""
        return self.main_label is not None and self.consensus.main_tied

    @property
    def num_objects(self) -> int | None:
        """Distinct objects; None unless the image is settled."""
        return self.consensus.num_objects if self.state == ImageState.SETTLED else None

    def only_label(self) -> int:
        """The label where there can be only one: the main one if it holds and is not tied, else the surest."""
        return self.main_label if self.main_label in self.labels and not self.main_tied else self.labels[0]

    def summary(self) -> dict[str, Any]:
        """What a reader of any format may want, as plain values."""
        return {
            "image_id": self.image_id,
            "state": self.state,
            "outcome": self.outcome,
            "labels": self.labels,
            "confidence": [self.confidence.get(label) for label in self.labels],
            "main_label": self.main_label,
            "main_tied": self.main_tied,
            "num_objects": self.num_objects,
            "original_label": self.original,
            "votes": self.votes,
            **self.suspects,
        }


def export_image(row: dict[str, Any], photo: dict[str, Any], suspects: Iterable[str] = ()) -> ExportImage:
    """The image of a row of the truth and its row of ``images``, whose values are null where it has none.

    Args:
        row: of the truth.
        photo: of ``images``.
        suspects: columns of the truth about suspects.
    """
    of_suspects = {name: row[name] for name in suspects}
    row = {name: value for name, value in row.items() if name not in ("undecided", "decided", *of_suspects)}
    judged, confidence = row.pop("judged"), row.pop("confidence")
    known = photo["image_id"] is not None
    fields = {name: photo[name] for name in ("uri", "width", "height", "sha256", "boxes", "split")}
    consensus = Consensus(
        **{name: row.pop(name) for name in ("main_label", "main_tied", "num_objects", "objects", "isolated")}
    )
    return ExportImage(
        **row,
        confidence=dict(zip(judged, confidence, strict=True)),
        consensus=consensus,
        photo=Photo(**fields) if known else None,
        suspects=of_suspects,
    )
