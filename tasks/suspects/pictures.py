"""The photographs of a workspace as duplicates are looked for: labels, digests, hashes; thumbnails on request."""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError
from reground.tasks.kernels.perceptual_hash import SIDE, part_hashes
from reground.tasks.schema import ImageId
from reground.tasks.workspace import Workspace

Hashes = npt.NDArray[np.uint64]
Grey = npt.NDArray[np.uint8]
BLOCK = 2048
"""Thumbnails that are hashed at once."""


@dataclass(frozen=True)
class Pictures:
    """Of one workspace, by image_id.

    Attributes:
        workspace: that they are in.
        image_ids: N, ascending.
        class_idx: of each, the original label.
        splits: of each.
        file_digests: SHA-256 of each file; empty: unknown.
        pixel_digests: of each; empty: it has no facts.
        hashes: ``(N,)``; of those without facts 0.
        mirror_hashes: ``(N,)``; likewise.
    """

    workspace: Workspace
    image_ids: list[ImageId]
    class_idx: list[int]
    splits: list[str]
    file_digests: list[str]
    pixel_digests: list[str]
    hashes: Hashes
    mirror_hashes: Hashes

    def contents(self) -> npt.NDArray[np.int64]:
        """``(N,)``: a number for each; pictures of the same pixels have the same."""
        keys = [
            pixels or file or f"unknown {number}"
            for number, (pixels, file) in enumerate(zip(self.pixel_digests, self.file_digests, strict=True))
        ]
        return np.unique(np.array(keys, object), return_inverse=True)[1].astype(np.int64)

    def with_facts(self) -> npt.NDArray[np.bool_]:
        """``(N,)``: which can be compared by more than their bytes."""
        return np.array([bool(digest) for digest in self.pixel_digests], np.bool_)

    def thumbnails(self, rows: Iterable[int]) -> dict[int, Grey]:
        """Thumbnails of some rows, ``(48, 48) uint8`` each.

        Raises:
            RegroundError: a file of facts is damaged, or holds no thumbnails.
        """
        wanted = {self.image_ids[row]: row for row in rows}
        ids = pa.array(list(wanted), pa.string())
        result: dict[int, Grey] = {}
        for _, part in self.workspace.scan("facts", ["image_id", "thumbnail"]):
            some = part.filter(pc.is_in(part["image_id"], value_set=ids))
            pictures = _thumbnails(self.workspace, some)
            result |= {wanted[name]: one for name, one in zip(some["image_id"].to_pylist(), pictures, strict=True)}
        return result

    def part_hashes(self) -> list[Hashes]:
        """Hashes of the parts that each is likely to be cropped to, ``(N,)`` for each part; without facts 0."""
        row_of: dict[str, int] = {name: row for row, name in enumerate(self.image_ids)}
        hashes: list[Hashes] = []
        for ids, block in thumbnail_blocks(self.workspace):
            rows = [row_of.get(name, -1) for name in ids]
            for number, values in enumerate(part_hashes(block)):
                if number == len(hashes):
                    hashes.append(np.zeros(len(self.image_ids) + 1, np.uint64))
                hashes[number][rows] = values  # the last place is for facts of images that are gone
        return [one[:-1] for one in hashes]


def thumbnail_blocks(workspace: Workspace) -> Iterator[tuple[list[str], Grey]]:
    """Ids and thumbnails, ``(B, 48, 48) uint8``, of the photographs that have facts, about 2,048 at once.

    Raises:
        RegroundError: a file of facts is damaged, or holds no thumbnails.
    """
    ids: list[str] = []
    blocks: list[Grey] = []
    for _, part in workspace.scan("facts", ["image_id", "thumbnail"]):
        ids += part["image_id"].to_pylist()
        blocks.append(_thumbnails(workspace, part))
        if len(ids) >= BLOCK:
            yield ids, np.concatenate(blocks)
            ids, blocks = [], []
    if ids:
        yield ids, np.concatenate(blocks)


def load_pictures(workspace: Workspace, facts: bool) -> Pictures:
    """All photographs of a workspace.

    Args:
        workspace: with the table ``images``.
        facts: whether its facts can be used.

    Raises:
        RegroundError: a file of a table is damaged, or a hash is none.
    """
    images = workspace.read_arrow("images", ["image_id", "class_idx", "split", "sha256"]).sort_by("image_id")
    names = images["image_id"].to_pylist()
    digests, hashes, mirror_hashes = [""] * len(names), np.zeros(len(names), np.uint64), np.zeros(len(names), np.uint64)
    if facts:
        row_of = {name: row for row, name in enumerate(names)}
        for row in workspace.read_arrow("facts", ["image_id", "pixel_digest", "hash", "mirror_hash"]).to_pylist():
            if (place := row_of.get(row["image_id"])) is not None:
                digests[place] = row["pixel_digest"]
                hashes[place], mirror_hashes[place] = (_hash(workspace, row, name) for name in ("hash", "mirror_hash"))
    labels, splits, files = (images[name].to_pylist() for name in ("class_idx", "split", "sha256"))
    return Pictures(workspace, names, labels, splits, files, digests, hashes, mirror_hashes)


def _hash(workspace: Workspace, row: dict[str, str], column: str) -> int:
    try:
        value = int(row[column], 16)
        if not row["pixel_digest"] or value >> 64:
            raise ValueError
    except ValueError:
        raise _malformed(workspace, f"{column} '{row[column]}' of '{row['image_id']}'") from None
    return value


def _thumbnails(workspace: Workspace, rows: pa.Table) -> Grey:
    """``(N, 48, 48)``."""
    for row, picture in zip(rows["image_id"].to_pylist(), rows["thumbnail"].to_pylist(), strict=True):
        if len(picture) != SIDE * SIDE:
            raise _malformed(workspace, f"a thumbnail of {len(picture):,} bytes of '{row}'")
    joined = b"".join(rows["thumbnail"].to_pylist())
    return np.frombuffer(joined, np.uint8).reshape(-1, SIDE, SIDE)


def _malformed(workspace: Workspace, what: str) -> RegroundError:
    return RegroundError(
        f"expected hashes of 16 hexadecimal digits, pixel digests and thumbnails of {SIDE} x {SIDE} bytes in the table "
        f"'facts' of {workspace.url}, got {what}: delete its folder tables/facts, and run "
        f"`reground repair -w {workspace.shell_url}`, then `reground facts -w {workspace.shell_url}`."
    )
