"""Small valid files of every kind that readers accept, damaged at random, and read within limits.

Run as a program, it reads ``COUNT`` damaged files of each kind, made from ``SEED``, in this process with limits on
memory and time, and prints as JSON what was refused, what was read, and every other exception.
"""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from reground.annotations.published import import_votes
from reground.annotations.references import ReferenceOptions, import_reference
from reground.flows.settings.sources import from_file
from reground.tasks.errors import RegroundError
from reground.tasks.files.parquet_child import limit_process
from reground.tasks.imagenet9.mask_file import read_mask
from reground.tasks.images import DropError, decode, load_classes, load_groups
from reground.tasks.images.boxes import BoxError, parse_boxes
from reground.tasks.masks.sidecar import parse_sidecar
from reground.tasks.predictions import import_predictions
from reground.tasks.workspace import Workspace, remembered
from tests.support.published_answers import ONE, TWO, label_errors, multilabel, real
from tests.support.tables import image, put
from tests.support.vote_files import annotation, choices

MEMORY, SECONDS = 6_000_000_000, 600
"""Of the process, which takes about 1.5 GB of address space to start."""
HOSTILE = (
    b"[" * 5000, b"\xff" * 8, b"\x00" * 8, b"\x7f\xff\xff\xff", b"999999999999999999999", b"-1", b"NaN", b"1e999",
    b"\\ud800", b"\xed\xa0\x80", b'"', b"\n", b"true", b"null", b"{}", b"[]", b"0x" + b"f" * 5000, b"9" * 5000,
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        files: path in a folder -> content; the first is damaged.
        read: (folder) -> anything.
        slow: reading it takes a process of its own.
    """

    files: Mapping[str, bytes]
    read: Callable[[Path], object]
    slow: bool = False


def damage(content: bytes, rng: random.Random) -> bytes:
    """A file with one to four bytes, spans or numbers changed."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, span = rng.randrange(len(damaged) + 1), rng.randrange(1, 30)
        match rng.randrange(6):
            case 0:
                damaged[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del damaged[at : at + span]
            case 2:
                damaged[at:at] = rng.randbytes(span)
            case 3:
                damaged[at : at + rng.randrange(9)] = rng.choice(HOSTILE)
            case 4:
                damaged[at:at] = damaged[at : at + span] * rng.randrange(1, 40)
            case _:
                del damaged[at:]
    return bytes(damaged)


def kinds(folder: Path) -> dict[str, Kind]:
    """Kinds by name; valid files are made in ``folder``."""
    found = dict(_votes(folder)) | dict(_tables()) | dict(_documents())
    return found | {f"{format} image": Kind({"a": _picture(format)}, _read_picture) for format in PICTURES}


def _votes(folder: Path) -> Iterator[tuple[str, Kind]]:
    for format, make in (("imagenet-multilabel", multilabel), ("real", real), ("label-errors", label_errors)):
        whole = make(folder / format)
        files = {str(path.relative_to(whole)): path.read_bytes() for path in sorted(whole.rglob("*")) if path.is_file()}
        for name in files:
            first = {name: files[name], **files}
            yield f"{format}, {name}", Kind(first, lambda path, format=format: import_votes(_empty(), format, path))


def _tables() -> Iterator[tuple[str, Kind]]:
    votes = b"image_id,label,annotator,answer,seconds,at\na,0,ann,yes,1.5,2026-01-31T12:00:00\nb,n01440764,bob,no,,\n"
    rows = [{"image_id": name, "class_idx": [1, 0], "probability": [0.75, 0.25]} for name in ("a", "b")]
    lines = "\n".join(map(json.dumps, rows)).encode()
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    array = io.BytesIO()
    np.save(array, np.arange(2))
    yield "votes.csv", Kind({"a.csv": votes}, lambda path: import_votes(_empty(), "csv", path / "a.csv"))
    tasks = [{"id": 1, "data": {"image": "/data/a.jpg"}, "annotations": [annotation(1, 3, choices("tench", "cock"))]}]
    export = json.dumps(tasks).encode()
    yield (
        "Label Studio's export",
        Kind({"a.json": export}, lambda path: import_votes(_indexed(), "label-studio", path / "a.json")),
    )
    cells = b'image_id,class_idx,probability\na,1,0.5\nb,"[1, 0]","[0.5, 0.25]"\n'
    document = json.dumps(rows).encode()
    predictions = {"a.csv": cells, "a.jsonl": lines, "a.json": document, "a.parquet": buffer.getvalue()}
    for name, content in predictions.items():
        yield (
            f"predictions, {name}",
            Kind(
                {name: content},
                lambda path, name=name: import_predictions(_indexed(), "m", path / name),
                slow=name == "a.parquet",
            ),
        )
    released = {
        "cross_validated_predicted_labels/imagenet_val_set_pyx_argmax_predicted_labels.npy": array.getvalue(),
        "dataset_indexing/imagenet_val_set_index_to_filepath.json": b'["val/n01440764/a.JPEG", "val/n01440764/b.JPEG"]',
    }
    for name in released:
        yield (
            f"predictions, {name}",
            Kind({name: released[name], **released}, lambda path: import_predictions(_indexed(), "m", path)),
        )


def _documents() -> Iterator[tuple[str, Kind]]:
    coco = {
        "images": [{"id": 1, "file_name": f"{ONE}.JPEG", "width": 40, "height": 30}],
        "categories": [{"id": 7, "name": "tench"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5}],
    }
    sets = json.dumps({ONE: [0, 389], TWO: []}).encode()
    for name, content in (("coco", json.dumps(coco).encode()), ("real", sets)):
        yield f"labels, {name}", Kind({"a.json": content}, lambda path: _import_labels(path / "a.json"))
    yield (
        "settings",
        Kind(
            {"a.toml": b"[masks]\nseed = 1\nmethod = \"grabcut\"\n[predict]\nmodels = ['a', 'b']\n"},
            lambda path: list(from_file(path / "a.toml")),
        ),
    )
    groups = b'{"fish": ["tench", 1], "bird": ["n01514668"]}'
    yield "groups", Kind({"a.json": groups}, lambda path: load_groups(str(path / "a.json"), load_classes()))
    classes = b"class_idx,name,wnids\n0,a b,n01440764\n1,c,\n"
    yield "classes", Kind({"a.csv": classes}, lambda path: load_classes(path / "a.csv"))
    yield "sidecar", Kind({"a": b"mean = [0.4, 0.4, 0.4]\nstd = [0.2, 0.2, 0.2]\nsize = 320\n"}, _read(parse_sidecar))
    yield "boxes", Kind({"a": BOXES}, _read(parse_boxes))
    mask = io.BytesIO()
    np.save(mask, np.eye(8, dtype=np.uint8))
    yield "mask", Kind({"a": mask.getvalue()}, _read(lambda content: read_mask(content, 8)))
    settings = json.dumps({"masks.seed": {"value": 1, "file": "/a"}}).encode()
    yield "remembered settings", Kind({"settings.json": settings}, lambda path: remembered.read(Workspace(path)))


BOXES = b"""<annotation><size><width>40</width><height>30</height></size><object><name>tench</name><bndbox>
<xmin>1</xmin><ymin>2</ymin><xmax>20.5</xmax><ymax>1e1</ymax></bndbox></object></annotation>"""
PICTURES = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")


def _picture(format: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def _read_picture(folder: Path) -> object:
    return decode((folder / "a").read_bytes(), 1_000_000)


def _read(parse: Callable[[bytes], object]) -> Callable[[Path], object]:
    return lambda folder: parse((folder / "a").read_bytes())


def _empty() -> Workspace:
    return Workspace(tempfile.mkdtemp(dir=SCRATCH))


def _indexed() -> Workspace:
    workspace = _empty()
    put(workspace, "classes", load_classes()[:2])
    put(workspace, "images", [image("a", 0), image("b", 1)])
    return workspace


def _import_labels(path: Path) -> object:
    return import_reference(_empty(), "theirs", path, ReferenceOptions())


SCRATCH = tempfile.mkdtemp()
REFUSALS = {"sidecar": ValueError}
"""Kind -> what it raises; the others raise errors for people to read."""


def main(seed: int, count: int) -> dict[str, Any]:
    limit_process(MEMORY, SECONDS)
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    for name, kind in kinds(Path(tempfile.mkdtemp(dir=SCRATCH))).items():
        target, whole = next(iter(kind.files.items()))
        rng = random.Random(f"{seed} {name}")
        for number in range(count // 20 if kind.slow else count):
            folder = Path(tempfile.mkdtemp(dir=SCRATCH))
            for file, content in kind.files.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(content)
            if number:  # the first is whole
                (folder / target).write_bytes(damage(whole, rng))
            try:
                kind.read(folder)
                outcomes["read"] += 1
            except (RegroundError, DropError, BoxError, REFUSALS.get(name, RegroundError)) as error:
                outcomes["refused"] += 1
                if not number:
                    failures.append(f"{name} {number}: {error!r:.300}")
            except Exception as error:
                failures.append(f"{name} {number} ({folder / target}): {type(error).__name__}: {str(error)[:300]}")
    return {**outcomes, "failures": failures}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
