"""COCO: pictures, boxes and masks as instances, and every label of an image as an annotation of its own.

Reads ``masks`` besides. Source of the format: cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from reground.tasks.export.dataset import Dataset
from reground.tasks.export.file_names import folder, stem
from reground.tasks.export.image import Photo
from reground.tasks.export.imagefolder import copy
from reground.tasks.masks import decode_mask
from reground.tasks.workspace import Workspace

QUARANTINED: Final = "mask quarantined: its box stands without it"
SEVERAL: Final = "mask over several boxes: the boxes stand without it"
NOT_HELD: Final = "box or mask of a label that does not hold: no instance"

Masks = dict[str, tuple[str, dict[str, Any]]]
"""image_id -> part that its row of ``masks`` is in, and the row without the run lengths."""


def coco(data: Dataset, out: Path) -> None:
    """For each split a folder of pictures and two files in ``annotations``.

    ``instances_SPLIT.json``: the object of the original label where that holds, by box
    (``[x, y, width, height]``, pixels) and mask (compressed run lengths). ``labels_SPLIT.json``: every
    label that holds as an annotation without a place. Category ids are class_idx; image and annotation
    ids are numbers of these files, the first 1; ``image_id`` in an image is its key.
    """
    (out / "annotations").mkdir()
    masks = dict(_masks(data.workspace))
    for split in data.splits():
        name = folder(split)
        files = {
            image.image_id: copy(photo, out / name / stem(image.image_id)).name
            for image, photo in data.with_photo(split)
        }
        _write(out / "annotations" / f"labels_{name}.json", data, _images(data, split, files), _labels(data, split))
        _write(
            out / "annotations" / f"instances_{name}.json",
            data,
            _images(data, split, files),
            _instances(data, split, masks),
        )


def _write(path: Path, data: Dataset, images: Iterable[dict[str, Any]], annotations: Iterable[dict[str, Any]]) -> None:
    """One file of COCO's; nothing in it is held whole."""
    groups = data.workspace.read("groups", ["class_idx", "name"])
    supercategory_of = dict(zip(groups["class_idx"].tolist(), groups["name"], strict=True))
    categories = (
        {"id": row["class_idx"], "name": row["name"], "supercategory": supercategory_of.get(row["class_idx"], "none")}
        for row in data.classes
    )
    with_ids = ({"id": number, **row} for number, row in enumerate(annotations, start=1))
    info = {"description": "exported by reground", "version": data.version, "year": 0, "contributor": "", "url": ""}
    with path.open("w", encoding="utf-8") as handle:
        handle.write(f'{{"info": {json.dumps(info)}, "licenses": []')
        for section, rows in (("images", images), ("annotations", with_ids), ("categories", categories)):
            handle.write(f',\n"{section}": [')
            for number, row in enumerate(rows):
                handle.write(("," if number else "") + "\n" + json.dumps(row))
            handle.write("]")
        handle.write("}\n")


def _images(data: Dataset, split: str, files: dict[str, str]) -> Iterator[dict[str, Any]]:
    for number, (image, photo) in enumerate(data.with_photo(split), start=1):
        size = {"width": photo.width, "height": photo.height}
        yield {"id": number, "file_name": files[image.image_id], **size, **image.summary()}


def _labels(data: Dataset, split: str) -> Iterator[dict[str, Any]]:
    for number, (image, _) in enumerate(data.with_photo(split), start=1):
        for label in image.labels:
            yield {
                "image_id": number,
                "category_id": label,
                "score": image.confidence.get(label),
                "main": label == image.main_label,
            }


def _instances(data: Dataset, split: str, masks: Masks) -> Iterator[dict[str, Any]]:
    rows = _MaskRows(data.workspace)
    for number, (image, photo) in enumerate(data.with_photo(split), start=1):
        part, mask = masks.get(image.image_id, ("", None))
        if not photo.boxes and mask is None:
            continue
        if image.original not in image.labels:
            data.left_out.add(image.image_id, NOT_HELD)
            continue
        usable = mask is not None and mask["quarantine"] is None
        if mask is not None and not usable:
            data.left_out.add(image.image_id, QUARANTINED)
        elif mask is not None and len(photo.boxes) > 1:
            data.left_out.add(image.image_id, SEVERAL)
        rle = rows.rle(part, image.image_id) if usable and len(photo.boxes) <= 1 else None
        for geometry in _geometries(photo, rle):
            yield {"image_id": number, "category_id": image.original, "iscrowd": 0, **geometry}


def _geometries(photo: Photo, rle: str | None) -> Iterator[dict[str, Any]]:
    """Box, area and mask of each object of a photograph."""
    boxes = [(b["xmin"], b["ymin"], b["xmax"] - b["xmin"], b["ymax"] - b["ymin"]) for b in photo.boxes]
    if rle is None:
        yield from ({"bbox": list(box), "area": box[2] * box[3], "segmentation": []} for box in boxes)
        return
    mask = decode_mask(rle, photo.height, photo.width)
    if not mask.any() and not boxes:
        return
    columns, lines = (np.flatnonzero(mask.any(axis)).tolist() for axis in (0, 1))
    tight = [] if boxes else [(columns[0], lines[0], columns[-1] + 1 - columns[0], lines[-1] + 1 - lines[0])]
    for box in boxes or tight:
        segmentation = {"size": [photo.height, photo.width], "counts": rle}
        yield {"bbox": list(box), "area": int(mask.sum()), "segmentation": segmentation}


def _masks(workspace: Workspace) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    for _, part in workspace.parts("masks"):
        for row in workspace.read_part(part.path, ["image_id", "quarantine"]).to_pylist():
            yield row["image_id"], (part.path, row)


class _MaskRows:
    """Run lengths, of one part of ``masks`` at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._part, self._rle_of = "", dict[str, str]()

    def rle(self, part: str, image_id: str) -> str:
        if part != self._part:
            rows = self._workspace.read_part(part, ["image_id", "rle"]).to_pylist()
            self._part, self._rle_of = part, {row["image_id"]: row["rle"] for row in rows}
        return self._rle_of[image_id]
