"""Export: truth, or the variants -> files that others' code reads.

Reads ``images``, ``classes``, ``truth``; for variants see `tasks.export_imagenet9`. An export is
written beside its destination and renamed into place, so what stands there is whole. Every
export has a ``DATA_CARD.md`` that says where what is in it came from.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.arrow import ARROW_TYPES
from tasks.errors import RegroundError, UsageError, unknown
from tasks.export_imagenet9 import imagenet9
from tasks.store import Workspace

IMAGENET_ID: Final = "ILSVRC2012_val_"
IMAGENET_SIZE: Final = 50_000
ROWS_PER_FILE: Final = 500
"""Images in one Parquet file: some 50 MB of photographs."""


@dataclass(frozen=True)
class Dataset:
    """What is exported: one row an image, with its truth and its class names.

    Attributes:
        rows: images joined with truth, ordered by image_id; unsettled images included.
        names: class_idx -> name.
        wnids: class_idx -> folder name (the first WordNet id, else the name).
        version: of the truth, 12 hexadecimal digits.
    """

    rows: list[dict[str, Any]]
    names: dict[int, str]
    wnids: dict[int, str]
    version: str


def load(workspace: Workspace) -> Dataset:
    """Join what an export needs.

    Raises:
        RegroundError: there is no truth yet.
    """
    workspace.require("truth", "truth")
    images = workspace.read("images", ["image_id", "uri", "class_idx", "width", "height", "split"])
    merged = images.merge(workspace.read("truth"), on="image_id", validate="one_to_one")
    rows: list[dict[str, Any]] = merged.to_dict("records")  # type: ignore[assignment]
    classes = workspace.read("classes")
    names = {int(c): str(n) for c, n in zip(classes["class_idx"], classes["name"], strict=True)}
    wnids = {
        int(c): str(w[0]) if len(w) else str(n)
        for c, w, n in zip(classes["class_idx"], classes["wnids"], classes["name"], strict=True)
    }
    return Dataset(rows, names, wnids, workspace.table_digest("truth")[:12])


def imagefolder(data: Dataset, out: Path) -> None:
    """One folder a class, by main label where people gave one, else by the first label kept."""
    for row in data.rows:
        label = folder_label(row)
        if label is None:
            continue
        source = Path(row["uri"])
        target = out / row["split"] / data.wnids[label] / f"{row['image_id']}{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def real(data: Dataset, out: Path) -> None:
    """Labels as ReaL publishes them: ``real.json``.

    A list over all 50,000 validation images, in their order, when the ids are ImageNet's
    (an image not indexed here has no labels); else an object from image_id to labels.
    Source: github.com/google-research/reassessed-imagenet.
    """
    labels = {row["image_id"]: [int(label) for label in row["labels"]] for row in data.rows}
    known = {f"{IMAGENET_ID}{number:08d}" for number in range(1, IMAGENET_SIZE + 1)}
    if labels.keys() <= known:
        whole = [labels.get(f"{IMAGENET_ID}{number:08d}", []) for number in range(1, IMAGENET_SIZE + 1)]
        (out / "real.json").write_text(json.dumps(whole))
    else:
        (out / "real.json").write_text(json.dumps(labels, indent=1, sort_keys=True))


def parquet(data: Dataset, out: Path) -> None:
    """Parquet files that ``datasets`` opens with images (the Hugging Face image layout)."""
    folder = out / "data"
    folder.mkdir(parents=True)
    pieces = range(0, len(data.rows), ROWS_PER_FILE)
    for number, start in enumerate(pieces):
        piece = data.rows[start : start + ROWS_PER_FILE]
        made = pa.Table.from_pylist([_parquet_row(row) for row in piece], schema=_parquet_schema(data))
        pq.write_table(made, folder / f"val-{number:05d}-of-{len(pieces):05d}.parquet", compression="zstd")


def _of_truth(to_format: str, write: Callable[[Dataset, Path], None]) -> Callable[[Workspace, Path], str]:
    """A format that shows the truth."""

    def exporter(workspace: Workspace, out: Path) -> str:
        data = load(workspace)
        write(data, out)
        return data_card(data, to_format)

    return exporter


FORMATS: Final[dict[str, Callable[[Workspace, Path], str]]] = {
    "imagefolder": _of_truth("imagefolder", imagefolder),
    "real": _of_truth("real", real),
    "parquet": _of_truth("parquet", parquet),
    "imagenet9": imagenet9,
}
"""Name -> what writes it into an empty folder and returns its data card."""


def export(workspace: Workspace, to_format: str, out: Path) -> Path:
    """Write one export.

    Raises:
        UsageError: no such format, or ``out`` is there already.
        RegroundError: a table is not made yet, an image gone, or the disk is full; ``out`` is not made.
    """
    if to_format not in FORMATS:
        raise unknown("export format", to_format, FORMATS)
    if out.exists():
        raise UsageError(f"expected to make {out}, but it is there already: remove it or name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        card = FORMATS[to_format](workspace, temporary)
        (temporary / "DATA_CARD.md").write_text(card)
        temporary.chmod(0o755)
        temporary.rename(out)
    except OSError as error:
        raise RegroundError(
            f"cannot export to {out}: {error.strerror} ({error.filename}). Nothing was left there; "
            "make room or bring the image back, then run the same command again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def folder_label(row: dict[str, Any]) -> int | None:
    """The one label of an image where there can be only one; None where no label holds."""
    labels = [int(label) for label in row["labels"]]
    if not pd.isna(row["main_label"]) and int(row["main_label"]) in labels:
        return int(row["main_label"])
    return labels[0] if labels else None


def data_card(data: Dataset, to_format: str) -> str:
    """What whoever receives the export must know."""
    counts = Counter(row["status"] for row in data.rows)
    sources = sorted({source for row in data.rows for source in row["sources"]})
    without = sum(len(row["labels"]) == 0 for row in data.rows)
    votes = sum(row["votes"] for row in data.rows)
    lines = [
        "# Data card",
        "",
        f"- format: {to_format}; truth version: {data.version}",
        f"- images: {len(data.rows)}; with no label that holds: {without}",
        *(f"- {status}: {counts[status]} images" for status in sorted(counts)),
        f"- votes: {votes}, from {', '.join(sources) or 'nobody yet'}",
        "",
        "Statuses: confirmed (the original label alone holds), extended (it and others), changed",
        "(others alone), empty (none), open (too few people have answered), unreviewed (nobody was",
        "asked: the original label stands untested).",
    ]
    return "\n".join([*lines, *_caveats(sources)]) + "\n"


def _caveats(sources: list[str]) -> Iterator[str]:
    if "recorded" in sources:
        yield "\nVotes from `recorded` were recorded beforehand for a demonstration: not a survey."
    if "simulated" in sources:
        yield "\nVotes from `simulated` were made by a program: not people's."


def _parquet_schema(data: Dataset) -> pa.Schema:
    features = {
        "image": {"_type": "Image"},
        "image_id": {"dtype": "string", "_type": "Value"},
        "original_label": {"names": [data.names[i] for i in sorted(data.names)], "_type": "ClassLabel"},
        "labels": {"feature": {"dtype": "int32", "_type": "Value"}, "_type": "List"},
        "main_label": {"dtype": "int32", "_type": "Value"},
        "num_objects": {"dtype": "int32", "_type": "Value"},
        "status": {"dtype": "string", "_type": "Value"},
    }
    schema = pa.schema(
        [
            ("image", ARROW_TYPES["image"]),
            ("image_id", pa.string()),
            ("original_label", pa.int64()),
            ("labels", pa.list_(pa.int32())),
            ("main_label", pa.int32()),
            ("num_objects", pa.int32()),
            ("status", pa.string()),
        ]
    )
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _parquet_row(row: dict[str, Any]) -> dict[str, Any]:
    path = Path(row["uri"])
    return {
        "image": {"bytes": path.read_bytes(), "path": path.name},
        "image_id": row["image_id"],
        "original_label": int(row["class_idx"]),
        "labels": [int(label) for label in row["labels"]],
        "main_label": None if pd.isna(row["main_label"]) else int(row["main_label"]),
        "num_objects": None if pd.isna(row["num_objects"]) else int(row["num_objects"]),
        "status": row["status"],
    }
