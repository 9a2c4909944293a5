"""FiftyOne: one folder that it opens as ``FiftyOneDataset``, or as ``FiftyOneImageClassificationDataset``.

Source: docs.voxel51.com, "Loading datasets from disk". As ``FiftyOneDataset`` (metadata.json, samples.json)
each sample has every field of the truth; as ``FiftyOneImageClassificationDataset`` (labels.json) the labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from reground.tasks.export.dataset import Dataset
from reground.tasks.export.file_names import stem
from reground.tasks.export.image import ExportImage, Photo
from reground.tasks.export.imagefolder import copy
from reground.tasks.export.suspects import fields

_FIELD: Final = "fiftyone.core.fields."
_LABEL: Final = "fiftyone.core.labels."


def fiftyone(data: Dataset, out: Path) -> None:
    """Pictures in ``data/``; labels are class names, in ``classes`` of every file by class_idx."""
    (out / "data").mkdir()
    files = {
        image.image_id: copy(photo, out / "data" / stem(image.image_id)).name for image, photo in data.with_photo()
    }
    classes = [data.names[number] for number in sorted(data.names)]
    suspects = fields(data.suspect_kinds)
    info = {"classes": classes, "class_idx": sorted(data.names), "truth_version": data.version}
    metadata = {
        "media_type": "image",
        "sample_fields": FIELDS | {name: f"{_FIELD}{TYPES[kind]}" for name, (kind, _) in suspects.items()},
        "info": info,
        "classes": {"labels": classes},
        "default_classes": classes,
    }
    (out / "metadata.json").write_text(json.dumps(metadata, indent=1), encoding="utf-8")
    samples = (json.dumps(_sample(data, image, photo, files)) for image, photo in data.with_photo())
    _stream(out / "samples.json", '{"samples": [', samples, "]}")
    place = {class_idx: number for number, class_idx in enumerate(sorted(data.names))}
    targets = (
        f"{json.dumps(stem(image.image_id))}: {json.dumps(_target(image, place))}" for image, _ in data.with_photo()
    )
    _stream(out / "labels.json", f'{{"classes": {json.dumps(classes)},\n"labels": {{', targets, "}}")


FIELDS: Final = {
    "filepath": f"{_FIELD}StringField",
    "tags": f"{_FIELD}ListField({_FIELD}StringField)",
    "metadata": f"{_FIELD}EmbeddedDocumentField(fiftyone.core.metadata.ImageMetadata)",
    "image_id": f"{_FIELD}StringField",
    "labels": f"{_FIELD}EmbeddedDocumentField({_LABEL}Classifications)",
    "original_label": f"{_FIELD}EmbeddedDocumentField({_LABEL}Classification)",
    "main_label": f"{_FIELD}EmbeddedDocumentField({_LABEL}Classification)",
    "main_tied": f"{_FIELD}BooleanField",
    "objects": f"{_FIELD}EmbeddedDocumentField({_LABEL}Detections)",
    "num_objects": f"{_FIELD}IntField",
    "votes": f"{_FIELD}IntField",
    "state": f"{_FIELD}StringField",
    "outcome": f"{_FIELD}StringField",
}
"""The fields of a sample, as FiftyOne names their types."""
TYPES: Final = {"bool": "BooleanField", "float64": "FloatField"}


def _sample(data: Dataset, image: ExportImage, photo: Photo, files: dict[str, str]) -> dict[str, Any]:
    return {
        "filepath": f"data/{files[image.image_id]}",
        "tags": [photo.split],
        "metadata": {"_cls": "ImageMetadata", "width": photo.width, "height": photo.height},
        "image_id": image.image_id,
        "labels": {"_cls": "Classifications", "classifications": [_label(data, image, n) for n in image.labels]},
        "original_label": None if image.original is None else _label(data, image, image.original),
        "main_label": None if image.main_label is None else _label(data, image, image.main_label),
        "main_tied": image.main_tied,
        "objects": {"_cls": "Detections", "detections": _boxes(data, image, photo)},
        "num_objects": image.num_objects,
        "votes": image.votes,
        "state": image.state,
        "outcome": image.outcome,
        **image.suspects,
    }


def _label(data: Dataset, image: ExportImage, label: int) -> dict[str, Any]:
    return {
        "_cls": "Classification",
        "tags": [],
        "label": data.names[label],
        "confidence": image.confidence.get(label),
    }


def _boxes(data: Dataset, image: ExportImage, photo: Photo) -> list[dict[str, Any]]:
    """The labelled boxes, ``[x, y, width, height]`` as shares of the picture."""
    if image.original is None or image.original not in image.labels:
        return []
    width, height = photo.width, photo.height
    boxes = [
        [b["xmin"] / width, b["ymin"] / height, (b["xmax"] - b["xmin"]) / width, (b["ymax"] - b["ymin"]) / height]
        for b in photo.boxes
    ]
    name = data.names[image.original]
    return [{"_cls": "Detection", "attributes": {}, "tags": [], "label": name, "bounding_box": box} for box in boxes]


def _target(image: ExportImage, place: Mapping[int, int]) -> list[dict[str, Any]]:
    return [{"label": place[label], "confidence": image.confidence.get(label)} for label in image.labels]


def _stream(path: Path, before: str, items: Iterable[str], after: str) -> None:
    with path.open("w", encoding="utf-8") as handle:
        handle.write(before)
        for number, item in enumerate(items):
            handle.write(("," if number else "") + "\n" + item)
        handle.write(after)
