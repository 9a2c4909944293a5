"""Inputs of the adversarial search: every foreground and every background, decoded once.

Pixels lie in unnamed files that are mapped into memory: the system takes that memory back when it
needs it, so many images need room on the disk (some 300 kB each at 224 x 224), not in memory.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from reground.tasks.errors import RegroundError
from reground.tasks.images import ImageError, decode_rgb
from reground.tasks.masks import decode_mask
from reground.tasks.schema import ImageId
from reground.tasks.workspace import Workspace

ORIGINAL: Final = "variants/original"
BACKGROUND: Final = "variants/only_bg_t"
TABLES: Final = ("classes", "groups", "foregrounds", ORIGINAL, BACKGROUND)
"""All that a search depends on, but for the model."""


@dataclass(frozen=True)
class SearchInputs:
    """F foregrounds and B backgrounds, each in the order of its keys; S is the side of the variants.

    Attributes:
        url: of the workspace.
        foregrounds: keys, ``(F,)``.
        foreground_group: ``(F,) int32``.
        rle: masks, see `reground.tasks.masks.rle`.
        backgrounds: keys, ``(B,)``.
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
        """``(F, S, S, 3) uint8``, the original variants; decoded when first asked for.

        Raises:
            RegroundError: one is missing or damaged, or of another size.
        """
        return _pictures(Workspace(self.url), ORIGINAL, self.foregrounds)

    @functools.cached_property
    def background_pixels(self) -> np.ndarray:
        """``(B, S, S, 3) uint8``, the backgrounds; decoded when first asked for.

        Raises:
            RegroundError: one is missing or damaged, or of another size.
        """
        background_pixels = _pictures(Workspace(self.url), BACKGROUND, self.backgrounds)
        if background_pixels.shape[1:] != self.pixels.shape[1:]:
            raise _size_error(BACKGROUND, background_pixels.shape, self.pixels.shape)
        return background_pixels

    def masks(self, rows: np.ndarray) -> np.ndarray:
        """Masks of some foregrounds, ``(R, S, S) bool``."""
        side = self.pixels.shape[1]
        return np.stack([decode_mask(self.rle[row], side, side) for row in rows.tolist()])

    def groups_of(self, classes: np.ndarray) -> np.ndarray:
        """The group of each class, of any shape; -1: in none, or outside the vocabulary."""
        table = np.full(max(self.group_of, default=0) + 3, -1, np.int32)
        for class_idx, group in self.group_of.items():
            table[class_idx] = group
        # Beyond the table, and counted from its end: classes in no group, -1 (outside) and -2 (not tried).
        return table[np.where(classes < len(table), classes, -1)]


def input_digests(workspace: Workspace) -> tuple[str, ...]:
    """Digests of everything that `load` reads."""
    return tuple(workspace.table_digest(table) for table in TABLES)


@functools.lru_cache(maxsize=1)
def load_inputs(url: str, inputs: tuple[str, ...]) -> SearchInputs:
    """The scene of a workspace; read once a process, for all models and shards.

    Args:
        url: of the workspace.
        inputs: of its state.
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


def _pictures(workspace: Workspace, table: str, keys: Sequence[ImageId]) -> np.ndarray:
    """The pictures of a variant in the order of their keys, ``(N, S, S, 3) uint8``."""
    position = {key: number for number, key in enumerate(keys)}
    pictures: np.ndarray | None = None
    filled = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _, part in workspace.parts(table):
            rows = workspace.read_part(part.path, ["image_id", "image"]).to_pylist()
            rows = [row for row in rows if row["image_id"] in position]
            for row, made in zip(rows, pool.map(_decoded, rows), strict=True):
                if pictures is None:
                    pictures = _mapped_array((len(keys), *made.shape))
                if made.shape != pictures.shape[1:] or made.shape[0] != made.shape[1]:
                    raise _size_error(f"{table}, {row['image_id']}", made.shape, pictures.shape)
                pictures[position[row["image_id"]]] = made
                filled += 1
    if pictures is None or filled < len(keys):
        raise RegroundError(
            f"expected {len(keys)} pictures in '{table}' of {workspace.url}, one for each row of 'foregrounds', "
            f"found {filled}: run `reground variants` (or `reground imagenet9 import`) again."
        )
    return pictures


def _decoded(row: dict) -> np.ndarray:
    try:
        return decode_rgb(row["image"]["bytes"])
    except ImageError as error:
        raise RegroundError(
            f"expected a picture of {row['image_id']} among the variants, found: {error}. Make the variants again."
        ) from error


def _mapped_array(shape: tuple[int, ...]) -> np.ndarray:
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)  # type: ignore[call-overload]


def _size_error(where: str, found: tuple[int, ...], expected: tuple[int, ...]) -> RegroundError:
    return RegroundError(
        f"expected square pictures of one size, {expected[-2]} x {expected[-3]}, got {found[-2]} x {found[-3]} "
        f"({where}): make the variants again with one size."
    )
