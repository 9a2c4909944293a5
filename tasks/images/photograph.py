"""An indexed photograph with one box: the input of masks and variants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reground.tasks.errors import RegroundError
from reground.tasks.images.boxes import Box
from reground.tasks.images.decode import ImageError, load_rgb
from reground.tasks.memory import is_out_of_memory
from reground.tasks.schema import BoxDict, ClassIdx, DroppedRow, DropReason, ImageId, ImageRow, dropped_row


class DropError(Exception):
    """An item that cannot be processed: a reason code of the table ``dropped`` and a message."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def row(self, stage: str, item: str) -> DroppedRow:
        """The row of ``dropped`` for this item."""
        return dropped_row(stage, item, self.reason, self.detail)


@contextlib.contextmanager
def enough_memory(item: str) -> Iterator[None]:
    """Turn want of memory into a `DropError` (`DropReason.TOO_LARGE`).

    Args:
        item: what is made here, with the name of its file.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            detail = f"{item} does not fit into the memory of this machine"
            raise DropError(DropReason.TOO_LARGE, detail) from error
        raise


@dataclass(frozen=True, slots=True)
class Photograph:
    """A row of ``images`` with the box of its labelled object.

    Attributes:
        image_id: key of the image.
        uri: of its file.
        class_idx: the original label.
        width, height: in pixels, after EXIF rotation.
        box: of the labelled object, edges in pixels.
        sha256: of its file when it was indexed; empty: unknown.
    """

    image_id: ImageId
    uri: str
    class_idx: ClassIdx
    width: int
    height: int
    box: Box
    sha256: str = ""

    @classmethod
    def of_row(cls, row: ImageRow, box: BoxDict | None = None) -> Photograph:
        """Build a photograph from a row of ``images``.

        Args:
            row: of ``images``.
            box: the column ``box`` of ``masks``; None: the only box in ``images``.

        Raises:
            ValueError: ``box`` is None and the row does not have exactly one box.
        """
        (edges,) = (box,) if box else row["boxes"]
        size = row["width"], row["height"]
        return cls(row["image_id"], row["uri"], row["class_idx"], *size, Box(**edges), row["sha256"])

    def load(self) -> np.ndarray:
        """Load the pixels, ``(height, width, 3) uint8`` RGB.

        Raises:
            DropError: it does not fit into memory.
            RegroundError: the file has been removed, replaced or damaged since it was indexed.
        """
        try:
            pixels = load_rgb(self.uri, self.sha256)
        except ImageError as error:
            raise DropError(error.reason, error.detail) from error
        if pixels.shape[:2] != (self.height, self.width):
            raise RegroundError(
                f"expected {self.width} x {self.height} pixels in {self.uri}, as when it was indexed, "
                f"found {pixels.shape[1]} x {pixels.shape[0]}: run `reground index` again."
            )
        return pixels
