"""Labels in a table: one row a label, with the image, the class and, optionally, a confidence and a box.

An image with a row whose label is empty has no label that holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reground.annotations.references.coco import pixel_box
from reground.annotations.references.entries import Entry, Fault, Numbers, PublishedLabels
from reground.tasks.errors import UsageError
from reground.tasks.files import preview
from reground.tasks.schema import BoxDict
from reground.tasks.tabular import read_text_table, unit

REQUIRED: Final = ("image_id", "label")
CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
OPTIONAL: Final = ("confidence", *CORNERS)


def read_labels(path: Path, columns: Mapping[str, str], numbers: Numbers) -> PublishedLabels:
    """The labels in a table.

    Args:
        path: of a file that `reground.tasks.tabular` reads.
        columns: name of a column -> the file's column with it, where that is another.
        numbers: what a class that is a number means.

    Raises:
        UsageError: the file is missing or damaged, a cell is malformed, or two rows contradict each other; names both.
    """
    checked = list(_entries(path, columns))

    def entries(report: Callable[[Fault], None]) -> Iterator[Entry]:
        yield from checked

    return PublishedLabels(entries, numbers, [path])


def _entries(path: Path, columns: Mapping[str, str]) -> Iterator[Entry]:
    confidence_of: dict[tuple[Any, ...], tuple[str, float | None]] = {}
    for number, cells in read_text_table(path, REQUIRED, OPTIONAL, columns):
        location = f"{unit(path)} {number}"
        entry = _entry(cells, location, path)
        box = tuple(entry.box.values()) if entry.box else None
        first, confidence = confidence_of.setdefault((entry.image, entry.label, box), (location, entry.confidence))
        if confidence != entry.confidence:
            raise UsageError(
                f"{path}, {location}: {entry.label} in {entry.image} has the confidence {entry.confidence}, but "
                f"{confidence} on {first}. Keep one of the two."
            )
        if first == location:
            yield entry


def _entry(cells: Mapping[str, str], location: str, path: Path) -> Entry:
    where = f"{path}, {location}"
    if not cells["image_id"]:
        raise UsageError(f"{where}: expected an image_id, found an empty cell")
    confidence = _number(cells["confidence"], "confidence", where)
    if confidence is not None and not 0 <= confidence <= 1:
        raise UsageError(f"{where}: expected a confidence from 0 to 1, found {preview(cells['confidence'])}")
    box = _box(cells, where)
    if not cells["label"] and (box or confidence is not None):
        raise UsageError(f"{where}: expected the label of a confidence or box, found an empty cell")
    return Entry(location, cells["image_id"], cells["label"] or None, confidence, box)


def _box(cells: Mapping[str, str], where: str) -> BoxDict | None:
    corners = [_number(cells[name], name, where) for name in CORNERS]
    present = [corner for corner in corners if corner is not None]
    if not present:
        return None
    box = pixel_box(*present) if len(present) == len(CORNERS) else None
    if box is None:
        texts = ", ".join(cells[name] or "nothing" for name in CORNERS)
        raise UsageError(f"{where}: expected {', '.join(CORNERS)} of a box in pixels, found {texts}")
    return box


def _number(text: str, column: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise UsageError(f"{where}: expected {column} to be a number, found {preview(text)}")
    return value
