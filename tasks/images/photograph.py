"""One indexed photograph with its one box: what masks and variants are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reground.tasks.errors import RegroundError
from reground.tasks.images.boxes import Box
from reground.tasks.images.decode import load_rgb
from reground.tasks.schema import BoxDict, ClassIdx, DroppedRow, DropReason, ImageId, ImageRow, dropped_row


class DropError(Exception):
    """An item is dropped: a reason of the ``dropped`` table, and a detail for a person to read."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def row(self, stage: str, item: str) -> DroppedRow:
        """The row of ``dropped`` that says so."""
        return dropped_row(stage, item, self.reason, self.detail)


@dataclass(frozen=True)
class Photograph:
    """A row of ``images`` with the one box that its object is in.

    Attributes:
        image_id: its key.
        uri: where its file lies.
        class_idx: the original label.
        width, height: pixels, as shown.
        box: of the labelled object, edges in pixels.
    """

    image_id: ImageId
    uri: str
    class_idx: ClassIdx
    width: int
    height: int
    box: Box

    @classmethod
    def of_row(cls, row: ImageRow, box: BoxDict | None = None) -> Photograph:
        """The photograph of a row of ``images``.

        Args:
            row: of ``images``.
            box: the column ``box`` of ``masks``; None: the one box in ``images``.

        Raises:
            ValueError: ``box`` is None, and the row has no box, or several.
        """
        (one,) = (box,) if box else row["boxes"]
        return cls(row["image_id"], row["uri"], row["class_idx"], row["width"], row["height"], Box(**one))

    def load(self) -> np.ndarray:
        """Its pixels, ``(height, width, 3) uint8`` RGB.

        Raises:
            RegroundError: the file went away, broke or changed its size since it was indexed.
        """
        pixels = load_rgb(self.uri)
        if pixels.shape[:2] != (self.height, self.width):
            raise RegroundError(
                f"expected {self.width} x {self.height} pixels in {self.uri}, as when it was indexed, "
                f"found {pixels.shape[1]} x {pixels.shape[0]}: run `reground index` again."
            )
        return pixels
