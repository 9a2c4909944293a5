"""The layout of a COCO file: images, and the instances of each. One that is malformed costs itself alone.

Source: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reground.tasks.files import parse_json, preview
from reground.tasks.masks.source import candidate_ids


@dataclass(frozen=True)
class CocoImage:
    """An image of a COCO file.

    Attributes:
        name: its ``file_name``.
        size: width and height in pixels, as the file says.
        instances: id and segmentation of each annotation, unchecked.
    """

    name: str
    size: tuple[int, int]
    instances: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])


@dataclass(frozen=True)
class CocoFile:
    """A COCO file.

    Attributes:
        images: by what the image may be called: by path and by stem.
        problems: images and annotations that cannot be used, and why.
    """

    images: dict[str, list[CocoImage]]
    problems: list[str]


def parse_coco(content: bytes) -> CocoFile:
    """The usable images and annotations of a COCO file.

    Raises:
        ValueError: no JSON, not COCO's layout, without one usable image or annotation, or with two images of
            one id; says where.
    """
    document = parse_json(content, allow_nan=True)
    problems: list[str] = []
    by_id: dict[str, CocoImage] = {}
    for number, node in enumerate(_list(document, "images")):
        try:
            image_id, image = _image(node, f"images[{number}]")
        except ValueError as error:
            problems.append(str(error))
            continue
        same = by_id.setdefault(image_id, image)
        if (same.name, same.size) != (image.name, image.size):
            raise ValueError(f"images[{number}]: id {image_id} is already that of {same.name}")
    _require_some(by_id, problems)
    usable = 0
    for number, node in enumerate(_list(document, "annotations")):
        try:
            image_id = _id(node, "image_id", f"annotations[{number}]")
            if image_id not in by_id:
                raise ValueError(f"annotations[{number}]: image_id {image_id} is that of no usable image")
        except ValueError as error:
            problems.append(str(error))
            continue
        by_id[image_id].instances.append((node.get("id", number), node.get("segmentation")))
        usable += 1
    _require_some(usable, problems)
    return CocoFile(_by_name(by_id), problems)


def whole(value: Any) -> int | None:
    """A whole number, which some writers give decimals; None: something else.

    Examples:
        >>> [whole(value) for value in (3, 3.0, 3.5, True, "3")]
        [3, 3, None, None, None]
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _by_name(by_id: Mapping[str, CocoImage]) -> dict[str, list[CocoImage]]:
    by_path: dict[str, list[CocoImage]] = {}
    by_stem: dict[str, list[CocoImage]] = {}
    for image in by_id.values():
        path, stem = candidate_ids(image.name)
        by_path.setdefault(path, []).append(image)
        by_stem.setdefault(stem, []).append(image)
    return by_stem | by_path


def _require_some(usable: object, problems: list[str]) -> None:
    if problems and not usable:
        raise ValueError(problems[0] + (f", and {len(problems) - 1} more" if len(problems) > 1 else ""))


def _image(node: Any, location: str) -> tuple[str, CocoImage]:
    size = _size(node, location)
    return _id(node, "id", location), CocoImage(_name(node, location), size)


def _list(document: Any, name: str) -> list[Any]:
    value = _get(document, name, "the top")
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list, found {preview(value)}")
    return value


def _get(node: Any, key: str, location: str) -> Any:
    if not isinstance(node, Mapping) or key not in node:
        raise ValueError(f"{location}: expected an object with '{key}', found {preview(node)}")
    return node[key]


def _id(node: Any, key: str, location: str) -> str:
    """As text: some writers quote numbers in one of the two lists."""
    value = _get(node, key, location)
    number = whole(value)
    if number is None and not isinstance(value, str):
        raise ValueError(f"{location}: expected a number or text as {key}, found {preview(value)}")
    return value if number is None else str(number)


def _size(image: Any, location: str) -> tuple[int, int]:
    values = _get(image, "width", location), _get(image, "height", location)
    width, height = map(whole, values)
    if not (width and height and width > 0 and height > 0):
        listing = ", ".join(map(preview, values))
        raise ValueError(f"{location}: expected a width and a height in pixels, found {listing}")
    return width, height


def _name(image: Any, location: str) -> str:
    name = _get(image, "file_name", location)
    if not (isinstance(name, str) and Path(name).name):
        raise ValueError(f"{location}: expected a file_name, found {preview(name)}")
    return name
