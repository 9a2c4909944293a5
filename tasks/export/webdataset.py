"""WebDataset: tar files, each image followed by its labels; the same truth gives the same bytes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Final

from reground.tasks.export.dataset import Dataset
from reground.tasks.export.file_names import folder, stem, suffix
from reground.tasks.export.image import ExportImage, Photo

SHARD_BYTES: Final = 300_000_000
"""Of one tar file, at the most (one image may exceed it)."""
SHORT: Final = {"jpeg": "jpg", "tiff": "tif"}
"""Endings as readers of WebDataset know them."""


def webdataset(data: Dataset, out: Path) -> None:
    """``SPLIT-000000.tar``: ``STEM.jpg`` as the photograph is, and ``STEM.json``, for every image.

    ``classes.json`` names the numbers. Nothing in a tar tells when, where or by whom it was made.
    """
    (out / "classes.json").write_text(json.dumps(data.names, indent=1), encoding="utf-8")
    for split in data.splits():
        name = folder(split)
        shards, tar = 0, None
        try:
            for image, photo in data.with_photo(split):
                members = _members(image, photo)
                if tar is None or tar.offset + sum(len(content) for _, content in members) > SHARD_BYTES:
                    if tar is not None:
                        tar.close()
                    tar = tarfile.open(out / f"{name}-{shards:06d}.tar", "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
                    shards += 1
                for member, content in members:
                    tar.addfile(_header(member, len(content)), io.BytesIO(content))
        finally:
            if tar is not None:
                tar.close()
        data.notes.append(f"split {split}: {shards} tar files, {name}-000000.tar and on")


def _members(image: ExportImage, photo: Photo) -> list[tuple[str, bytes]]:
    content, key = photo.read(), stem(image.image_id)
    ending = suffix(photo.uri, content)[1:].lower()
    metadata = json.dumps({**image.summary(), "width": photo.width, "height": photo.height}).encode()
    return [(f"{key}.{SHORT.get(ending, ending)}", content), (f"{key}.json", metadata)]


def _header(name: str, size: int) -> tarfile.TarInfo:
    """A plain file of nobody, as old as time: 1970, mode 0644."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header
