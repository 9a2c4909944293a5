"""Files to index and an index of them, for the tests of `reground.tasks.images.index` and its sources."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reground.tasks.images import IndexSettings
from reground.tasks.images.index import STEP
from reground.tasks.workspace import Workspace, finish, retire, run_shard, todo

DOG, CAT = "n02099601", "n02123045"  # classes 207 and 281
BILLION = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<annotation><size><width>&b;</width><height>1</height></size></annotation>"
)
"""A box file whose entities grow as they are read."""


def photo(seed: int = 0, size: tuple[int, int] = (12, 8), format: str = "PNG", **options) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def box_xml(size: tuple[int, int] = (12, 8), box: tuple[int, int, int, int] = (1, 2, 6, 7)) -> str:
    edges = "".join(f"<{n}>{v}</{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return (
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"<object><name>x</name><bndbox>{edges}</bndbox></object></annotation>"
    )


def put(path: Path, content: bytes | str = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def run(workspace: Workspace, settings: IndexSettings) -> list[str]:
    found = todo(STEP, workspace, settings)
    retire(STEP, workspace, found)
    for shard in found.missing:
        run_shard(STEP, workspace, settings, shard)
    finish(STEP, workspace, found)
    return [shard.id for shard in found.missing]


def shard_of(workspace: Workspace, image_id: str) -> str:
    """The shard that has an image."""
    (shard,) = (
        entry.shard
        for entry, part in workspace.parts("images")
        if image_id in workspace.read_part(part.path, ["image_id"])["image_id"].to_pylist()
    )
    return shard


def index(tmp_path: Path, images: Path, **settings) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table ``images`` by image_id, and what was dropped: name of the item -> reason."""
    workspace = Workspace(tmp_path / "workspace")
    run(workspace, IndexSettings(str(images), **{"max_dropped": 1.0, **settings}))
    dropped = workspace.read("dropped")
    assert dropped["detail"].str.len().min() > 0 or dropped.empty
    assert not dropped.duplicated().any()
    reasons = {Path(item).name: reason for item, reason in zip(dropped["item"], dropped["reason"], strict=True)}
    return workspace.read("images").set_index("image_id"), reasons


def two_images(folder: Path) -> Path:
    """The smallest ImageFolder: one dog, one cat."""
    put(folder / "images" / DOG / "rex.png", photo(1))
    put(folder / "images" / CAT / "tom.png", photo(2))
    return folder / "images"


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size; its pixels are never there to be decoded."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
