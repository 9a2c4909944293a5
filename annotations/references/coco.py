"""Labels in COCO's detection files: images, categories by name or WordNet id, annotations with boxes.

Source: https://cocodataset.org/#format-data. An image without an annotation has no label that holds. An annotation's
``score`` is the confidence of its label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reground.annotations.references.entries import Entry, Fault, Numbers, PublishedLabels
from reground.tasks.errors import UsageError
from reground.tasks.files import preview
from reground.tasks.schema import BoxDict, DropReason

SECTIONS: Final = ("images", "categories", "annotations")
MAX_COORDINATE: Final = 2**31 - 1


def read_coco(path: Path, document: Mapping[str, Any]) -> PublishedLabels:
    """The labels of a document with all of `SECTIONS`.

    Raises:
        UsageError: it has another layout, or an id that occurs twice; the message says where.
    """
    sections = {name: _section(document, name, path) for name in SECTIONS}
    files = _by_id(sections["images"], "images", "file_name", path)
    categories = _by_id(sections["categories"], "categories", "name", path)
    for values, section, key in ((files, "images", "file_name"), (categories, "categories", "name")):
        if len(set(values.values())) < len(values):
            raise UsageError(f"{path}: expected each {key} among {section} once, found one twice")

    def entries(report: Callable[[Fault], None]) -> Iterator[Entry]:
        empty = dict.fromkeys(files.values())
        for number, annotation in enumerate(sections["annotations"]):
            location = f"annotations[{number}]"
            image = _lookup(annotation, "image_id", files)
            if image is None:
                detail = f"image_id {_id_preview(annotation, 'image_id')} is that of no image in the file"
                report(Fault(location, DropReason.IMAGE_UNKNOWN, detail))
                continue
            empty.pop(image, None)
            label = _lookup(annotation, "category_id", categories)
            if label is None:
                detail = f"category_id {_id_preview(annotation, 'category_id')} is that of no category in the file"
                report(Fault(location, DropReason.LABEL_UNKNOWN, detail, image))
                continue
            score = annotation.get("score")
            if score is not None and not _is_share(score):
                detail = f"expected a score from 0 to 1, found {preview(score)}"
                report(Fault(location, DropReason.ANSWER_INVALID, detail, image))
                continue
            yield Entry(location, image, label, score, _box(annotation, location, report))
        for image in empty:
            yield Entry(image, image, None)

    return PublishedLabels(entries, Numbers.NONE, [path], list(categories.values()))


def _section(document: Mapping[str, Any], name: str, path: Path) -> list[Any]:
    rows = document[name]
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise UsageError(f"{path}: expected {name} to be a list of objects, found {preview(rows)}")
    return rows


def _by_id(rows: list[Any], section: str, key: str, path: Path) -> dict[int | str, str]:
    """Id -> text under ``key``, of each row."""
    values: dict[int | str, str] = {}
    for number, row in enumerate(rows):
        number_id, text = row.get("id"), row.get(key)
        if type(number_id) not in (int, str) or not isinstance(text, str) or not text.strip():
            raise UsageError(
                f"{path}, {section}[{number}]: expected an id and a {key}, found {preview(number_id)}, {preview(text)}"
            )
        if number_id in values:
            raise UsageError(f"{path}, {section}[{number}]: the id {preview(number_id)} occurs twice")
        values[number_id] = text.strip()
    return values


def _lookup(annotation: Mapping[str, Any], key: str, values: Mapping[int | str, str]) -> str | None:
    number = annotation.get(key)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return values.get(number) if type(number) in (int, str) else None  # pyright: ignore[reportArgumentType]


def _id_preview(annotation: Mapping[str, Any], key: str) -> str:
    return preview(annotation.get(key))


def _box(annotation: Mapping[str, Any], location: str, report: Callable[[Fault], None]) -> BoxDict | None:
    """The smallest box of whole pixels around ``bbox``: x, y, width, height."""
    bbox = annotation.get("bbox")
    if bbox is None or bbox == []:
        return None
    if isinstance(bbox, list) and len(bbox) == 4 and all(map(_is_coordinate, bbox)):
        x, y, width, height = bbox
        box = pixel_box(x, y, x + width, y + height)
        if box is not None:
            return box
    detail = f"expected bbox as x, y, width, height in pixels, found {preview(bbox)}: the label is kept without a box"
    report(Fault(location, DropReason.BOX_FILE_INVALID, detail))
    return None


def pixel_box(xmin: float, ymin: float, xmax: float, ymax: float) -> BoxDict | None:
    """The smallest box of whole pixels around corners; None: it is empty, or too far out.

    Examples:
        >>> pixel_box(1.5, 2, 4, 5.25)
        {'xmin': 1, 'ymin': 2, 'xmax': 4, 'ymax': 6}
        >>> pixel_box(4, 2, 4, 5) is None
        True
    """
    corners = (xmin, ymin, xmax, ymax)
    if not (all(abs(corner) <= MAX_COORDINATE for corner in corners) and xmin < xmax and ymin < ymax):
        return None
    return {"xmin": math.floor(xmin), "ymin": math.floor(ymin), "xmax": math.ceil(xmax), "ymax": math.ceil(ymax)}


def _is_coordinate(value: Any) -> bool:
    return type(value) in (int, float) and -MAX_COORDINATE <= value <= MAX_COORDINATE


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1
