"""Facts: photograph -> digest of its pixels, hashes, thumbnail, colour, sharpness, exposure.

Reads ``images``; writes ``facts`` and, where a picture does not fit into memory, ``dropped``. The one step of suspects
that opens photographs: what compares them afterwards reads this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xxhash

from reground.tasks.images import DropError, ImageError, enough_memory, load_rgb
from reground.tasks.kernels.perceptual_hash import dct_hashes, thumbnail
from reground.tasks.kernels.picture_facts import PictureFacts, picture_facts, small_grey
from reground.tasks.schema import DroppedRow, FactRow
from reground.tasks.workspace import Output, Shard, Step, Workspace, image_shards


@dataclass(frozen=True)
class FactSettings:
    """There are none: facts are facts."""


class _Picture(NamedTuple):
    image_id: str
    pixel_digest: str
    thumbnail: np.ndarray
    facts: PictureFacts


def plan(workspace: Workspace, settings: FactSettings) -> list[Shard]:
    """One shard for each of the index's.

    Raises:
        RegroundError: nothing is indexed yet.
    """
    workspace.require("images", "index IMAGES")
    return image_shards(workspace)


def work(workspace: Workspace, settings: FactSettings, shard: Shard) -> Output:
    """The facts of one part of ``images``.

    Raises:
        RegroundError: a photograph has been removed, replaced or damaged since it was indexed.
    """
    import cv2

    # Shards already keep every core busy; OpenCV's own threads would only be in their way.
    cv2.setNumThreads(1)
    pictures: list[_Picture] = []
    drops: list[DroppedRow] = []
    for row in workspace.read_part(shard.hints["part"], ["image_id", "uri", "sha256"]).to_pylist():
        try:
            pictures.append(_picture(**row))
        except DropError as error:
            drops.append(error.row(STEP.name, row["image_id"]))
    return Output({"facts": _rows(pictures), **({"dropped": drops} if drops else {})})


def pixel_digest(pixels: np.ndarray) -> str:
    """XXH3-128 of the size and the pixels: equal pictures have equal digests, whatever files they are in.

    Args:
        pixels: ``(H, W, 3) uint8``.
    """
    digest = xxhash.xxh3_128(f"{pixels.shape[1]}x{pixels.shape[0]} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _picture(image_id: str, uri: str, sha256: str) -> _Picture:
    try:
        with enough_memory(f"facts of {uri}"):
            pixels = load_rgb(uri, sha256)
            grey = small_grey(pixels)
            return _Picture(image_id, pixel_digest(pixels), thumbnail(grey), picture_facts(pixels, grey))
    except ImageError as error:
        raise DropError(error.reason, error.detail) from error


def _rows(pictures: Sequence[_Picture]) -> list[FactRow]:
    if not pictures:
        return []
    hashes, mirror_hashes = dct_hashes(np.stack([picture.thumbnail for picture in pictures]))
    return [_row(*row) for row in zip(pictures, hashes.tolist(), mirror_hashes.tolist(), strict=True)]


def _row(picture: _Picture, hash: int, mirror_hash: int) -> Any:
    measured = picture.facts._asdict()
    del measured["width"], measured["height"]  # in images
    return {
        "image_id": picture.image_id,
        "pixel_digest": picture.pixel_digest,
        "hash": f"{hash:016x}",
        "mirror_hash": f"{mirror_hash:016x}",
        "thumbnail": picture.thumbnail.tobytes(),
        **measured,
    }


STEP = Step("facts", 1, FactSettings, plan, work)
