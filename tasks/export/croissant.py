"""Croissant: the Parquet files, described so that any reader of Croissant loads their records.

Source: the Croissant format specification 1.0, docs.mlcommons.org/croissant.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from reground.tasks.export.dataset import Dataset
from reground.tasks.export.parquet import parquet
from reground.tasks.export.suspects import fields

DESCRIPTION: Final = (
    "An image-classification evaluation set whose labels people judged one by one. An image may have several labels, "
    "or none. DATA_CARD.md says where the votes came from, how many there are and how far people agreed."
)
LABELS: Final = {
    "original_label": "the label that the image came with",
    "labels": "the labels that people settled, the surest first; of other images the original label alone",
    "main_label": "the label of the main object",
}
PLAIN: Final = {
    "image_id": ("sc:Text", "key of the image"),
    "main_tied": ("sc:Boolean", "whether another label has as many main votes as main_label"),
    "num_objects": ("sc:Integer", "distinct objects with a valid label"),
    "state": ("sc:Text", "settled, in_review or unreviewed, see DATA_CARD.md"),
    "outcome": ("sc:Text", "what became of the original label, see DATA_CARD.md; null: not settled"),
    "votes": ("sc:Integer", "answers behind the labels"),
}

TYPES: Final = {"bool": "sc:Boolean", "float64": "sc:Float"}


def croissant(data: Dataset, out: Path) -> None:
    """``croissant.json`` beside the files that `parquet` writes."""
    parquet(data, out)
    data.front.clear()
    (out / "croissant.json").write_text(json.dumps(_metadata(data, out), indent=1), encoding="utf-8")


def _metadata(data: Dataset, out: Path) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "regrounded_labels",
        "description": DESCRIPTION,
        "version": f"1.0.0+{data.version}",
        "license": "NOASSERTION",
        "distribution": [_file_set(), *(_file(path, out) for path in sorted((out / "data").iterdir()))],
        "recordSet": [_classes(data), _records(data)],
    }


def _file(path: Path, out: Path) -> dict[str, Any]:
    with path.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": path.relative_to(out).as_posix(),
        "name": path.stem,
        "contentUrl": path.relative_to(out).as_posix(),
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _file_set() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "parquet",
        "name": "parquet",
        "description": "all files with images and labels",
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }


def _classes(data: Dataset) -> dict[str, Any]:
    rows = [{"classes/class_idx": number, "classes/name": name} for number, name in data.names.items()]
    fields = [
        _field("classes/class_idx", "sc:Integer", "the number that labels are given by", None),
        _field("classes/name", "sc:Text", "what people were shown", None),
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "description": "the classes, by number",
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/class_idx"},
        "field": fields,
        "data": rows,
    }


def _records(data: Dataset) -> dict[str, Any]:
    image = _field("images/image", "sc:ImageObject", "the photograph", "image")
    image["source"]["transform"] = {"jsonPath": "bytes"}
    labels = [_field(f"images/{name}", "sc:Integer", description, name) for name, description in LABELS.items()]
    for field in labels:
        field["references"] = {"field": {"@id": "classes/class_idx"}}
        if field["@id"] == "images/labels":
            field["repeated"] = True
    confidence = _field("images/confidence", "sc:Float", "of each label, 0 to 1; null: not asked", "confidence")
    plain = [_field(f"images/{name}", kind, description, name) for name, (kind, description) in PLAIN.items()]
    plain += [
        _field(f"images/{name}", TYPES[kind], description, name)
        for name, (kind, description) in fields(data.suspect_kinds).items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "the images with their labels",
        "key": {"@id": "images/image_id"},
        "field": [image, *plain, *labels, {**confidence, "repeated": True}],
    }


def _field(name: str, kind: str, description: str, column: str | None) -> dict[str, Any]:
    field: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name}
    field |= {"description": description, "dataType": kind}
    if column is not None:
        field["source"] = {"fileSet": {"@id": "parquet"}, "extract": {"column": column}}
    return field


CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
