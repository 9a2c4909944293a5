"""Inputs of the adversarial search: all foregrounds and backgrounds, decoded once.

Pixels are in memory-mapped temporary files, which the operating system can evict from memory: many
images take disk space (some 300 kB each at 224 x 224) instead.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError
from reground.tasks.images import ImageError, decode_rgb
from reground.tasks.masks import decode_mask
from reground.tasks.schema import ImageId
from reground.tasks.workspace import Workspace

ORIGINAL: Final = "variants/original"
BACKGROUND: Final = "variants/only_bg_t"
TABLES: Final = ("classes", "groups", "foregrounds", ORIGINAL, BACKGROUND)
"""Tables that a search reads; it depends on these and the model."""


@dataclass(frozen=True)
class SearchInputs:
    """F foregrounds and B backgrounds, each in key order; S is the side of the variants in pixels.

    Attributes:
        url: of the workspace.
        foregrounds: image_ids, ``(F,)``.
        foreground_group: ``(F,) int32``.
        rle: ``(F,)`` masks, see `reground.tasks.masks.rle`.
        backgrounds: image_ids, ``(B,)``.
        background_group: ``(B,) int32``.
        group_of: class -> group.
    """

    url: str
    foregrounds: list[ImageId]
    foreground_group: np.ndarray
    rle: list[str]
    backgrounds: list[ImageId]
    background_group: np.ndarray
    group_of: dict[int, int]

    @functools.cached_property
    def pixels(self) -> np.ndarray:
        """``(F, S, S, 3) uint8``, the original variants; decoded on first access.

        Raises:
            RegroundError: one is missing or damaged, or of another size.
        """
        return _images(Workspace(self.url), ORIGINAL, self.foregrounds)

    @functools.cached_property
    def background_pixels(self) -> np.ndarray:
        """``(B, S, S, 3) uint8``, the backgrounds; decoded on first access.

        Raises:
            RegroundError: one is missing or damaged, or of another size.
        """
        background_pixels = _images(Workspace(self.url), BACKGROUND, self.backgrounds)
        if background_pixels.shape[1:] != self.pixels.shape[1:]:
            raise _size_error(BACKGROUND, background_pixels.shape, self.pixels.shape)
        return background_pixels

    def masks(self, rows: np.ndarray) -> np.ndarray:
        """Masks of some foregrounds, ``(R, S, S) bool``."""
        side = self.pixels.shape[1]
        return np.stack([decode_mask(self.rle[row], side, side) for row in rows.tolist()])

    def groups_of(self, classes: np.ndarray) -> np.ndarray:
        """The group of each class, same shape; -1: class in no group, or outside the vocabulary."""
        table = np.full(max(self.group_of, default=0) + 3, -1, np.int32)
        for class_idx, group in self.group_of.items():
            table[class_idx] = group
        # The last two entries are -1, for classes beyond the table, -1 (outside) and -2 (not tried).
        return table[np.where(classes < len(table), classes, -1)]


def input_digests(workspace: Workspace) -> tuple[str, ...]:
    """Digests of the tables that `load_inputs` reads."""
    return tuple(workspace.table_digest(table) for table in TABLES)


@functools.lru_cache(maxsize=1)
def load_inputs(url: str, inputs: tuple[str, ...]) -> SearchInputs:
    """The inputs of a workspace; read once per process, for all models and shards.

    Args:
        url: of the workspace.
        inputs: result of `input_digests`, used as a cache key.
    """
    workspace = Workspace(url)
    foregrounds = workspace.read("foregrounds", ["image_id", "group", "rle"])
    backgrounds = workspace.read(BACKGROUND, ["image_id", "group"])
    groups = workspace.read("groups", ["class_idx", "group"])
    return SearchInputs(
        url,
        foregrounds["image_id"].tolist(),
        foregrounds["group"].to_numpy(np.int32),
        foregrounds["rle"].tolist(),
        backgrounds["image_id"].tolist(),
        backgrounds["group"].to_numpy(np.int32),
        dict(zip(groups["class_idx"].tolist(), groups["group"].tolist(), strict=True)),
    )


def _images(workspace: Workspace, table: str, keys: Sequence[ImageId]) -> np.ndarray:
    """The images of a variant in the order of their keys, ``(N, S, S, 3) uint8``."""
    position = {key: number for number, key in enumerate(keys)}
    images: np.ndarray | None = None
    count = 0
    with ThreadPoolExecutor(cores()) as pool:
        for _, part in workspace.parts(table):
            rows = workspace.read_part(part.path, ["image_id", "image"]).to_pylist()
            rows = [row for row in rows if row["image_id"] in position]
            for row, image in zip(rows, pool.map(_decode, rows), strict=True):
                if images is None:
                    images = _mapped_array((len(keys), *image.shape))
                if image.shape != images.shape[1:] or image.shape[0] != image.shape[1]:
                    raise _size_error(f"{table}, {row['image_id']}", image.shape, images.shape)
                images[position[row["image_id"]]] = image
                count += 1
    if images is None or count < len(keys):
        raise RegroundError(
            f"expected {len(keys)} images in '{table}' of {workspace.url}, one for each row of 'foregrounds', "
            f"found {count}: run `reground variants` (or `reground imagenet9 import`) again."
        )
    return images


def _decode(row: dict) -> np.ndarray:
    try:
        return decode_rgb(row["image"]["bytes"])
    except ImageError as error:
        raise RegroundError(
            f"expected an image of {row['image_id']} that can be decoded, got: {error}. Run `reground variants` again."
        ) from error


def _mapped_array(shape: tuple[int, ...]) -> np.ndarray:
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)  # type: ignore[call-overload]


def _size_error(source: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> RegroundError:
    return RegroundError(
        f"expected square images of one size, {expected[-2]} x {expected[-3]}, got {shape[-2]} x {shape[-3]} "
        f"({source}): run `reground variants` again with one size."
    )
