"""Parquet files that ``datasets`` opens with images and class names (the Hugging Face layout)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from reground.tasks.errors import RegroundError
from reground.tasks.export.dataset import Dataset
from reground.tasks.export.file_names import folder, stem, suffix
from reground.tasks.export.image import ExportImage, Photo
from reground.tasks.export.suspects import fields
from reground.tasks.schema import ARROW_TYPES

FILE_BYTES: Final = 400_000_000
"""Of photographs in one file."""
GROUP_BYTES: Final = 16_000_000
"""Of photographs in one row group; some six times as much is in memory while it is packed."""
GROUP_ROWS: Final = 1000
MAX_UNUSED: Final = 100_000
"""Class numbers without a class, at the most: each has to be given a name."""
UNUSED: Final = "(no class {})"

COLUMNS: Final = pa.schema(
    [
        ("image", ARROW_TYPES["image"]),
        ("image_id", pa.string()),
        ("state", pa.string()),
        ("outcome", pa.string()),
        ("original_label", pa.int64()),
        ("labels", pa.list_(pa.int64())),
        ("confidence", pa.list_(pa.float32())),
        ("main_label", pa.int64()),
        ("main_tied", pa.bool_()),
        ("num_objects", pa.int32()),
        ("votes", pa.int32()),
    ]
)

TYPES: Final = {"bool": pa.bool_(), "float64": pa.float64()}


def parquet(data: Dataset, out: Path) -> None:
    """``data/SPLIT-00000-of-00001.parquet``: labels are class_idx, and ``ClassLabel`` names each."""
    schema = pa.schema([*COLUMNS, *((name, TYPES[kind]) for name, (kind, _) in fields(data.suspect_kinds).items())])
    schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features(data)}})})
    (out / "data").mkdir()
    configs: list[dict[str, str]] = []
    for split in data.splits():
        name = folder(split)
        files = _write_split(data, split, schema, out / "data" / name)
        for number, path in enumerate(files):
            path.rename(path.with_name(f"{name}-{number:05d}-of-{len(files):05d}.parquet"))
        configs.append({"split": name, "path": f"data/{name}-*"})
    data.front["configs"] = [{"config_name": "default", "data_files": configs}]


def features(data: Dataset) -> dict[str, Any]:
    """The columns as ``datasets`` describes them.

    Raises:
        RegroundError: class numbers lie too far apart for each to have a name.
    """
    label = {"names": class_names(data), "_type": "ClassLabel"}
    texts, numbers = ("image_id", "state", "outcome"), ("votes", "num_objects")
    kinds = {**dict.fromkeys(texts, "string"), **dict.fromkeys(numbers, "int32")}
    plain = {name: {"dtype": kind, "_type": "Value"} for name, kind in kinds.items()}
    return {
        "image": {"_type": "Image"},
        "image_id": plain["image_id"],
        "state": plain["state"],
        "outcome": plain["outcome"],
        "original_label": label,
        "labels": {"feature": label, "_type": "Sequence"},
        "confidence": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"},
        "main_label": label,
        "main_tied": {"dtype": "bool", "_type": "Value"},
        "num_objects": plain["num_objects"],
        "votes": plain["votes"],
        **{name: {"dtype": kind, "_type": "Value"} for name, (kind, _) in fields(data.suspect_kinds).items()},
    }


def class_names(data: Dataset) -> list[str]:
    """The name of every number from 0 to the last class's."""
    last = max(data.names, default=-1)
    if last + 1 > len(data.names) + MAX_UNUSED:
        raise RegroundError(
            f"expected class numbers without large gaps, but the {len(data.names):,} classes go up to {last:,}, and "
            "Parquet's ClassLabel names every number from 0 up. Number the classes from 0 (`index --classes`)."
        )
    return [data.names.get(number, UNUSED.format(number)) for number in range(last + 1)]


def _write_split(data: Dataset, split: str, schema: pa.Schema, target: Path) -> list[Path]:
    """Files of about `FILE_BYTES`, in the order of image_id."""
    files: list[Path] = []
    writer: pq.ParquetWriter | None = None
    bytes_written = 0
    try:
        for rows, size in _groups(data, split):
            if writer is None or bytes_written + size > FILE_BYTES:
                if writer is not None:
                    writer.close()
                files.append(target.with_name(f"{target.name}-{len(files):05d}.part"))
                writer, bytes_written = pq.ParquetWriter(files[-1], schema, compression="zstd"), 0
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            bytes_written += size
    finally:
        if writer is not None:
            writer.close()
    return files


def _groups(data: Dataset, split: str) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Rows of one row group, and how many bytes their photographs have."""
    rows: list[dict[str, Any]] = []
    size = 0
    for image, photo in data.with_photo(split):
        rows.append(_row(image, photo))
        size += len(rows[-1]["image"]["bytes"])
        if size >= GROUP_BYTES or len(rows) >= GROUP_ROWS:
            yield rows, size
            rows, size = [], 0
    if rows:
        yield rows, size


def _row(image: ExportImage, photo: Photo) -> dict[str, Any]:
    content = photo.read()
    return {
        "image": {"bytes": content, "path": stem(image.image_id) + suffix(photo.uri, content)},
        **image.summary(),
    }
