"""Inpainting of a removed object with matching patches from around it, from coarse to fine.

Source: Wexler, Shechtman, Irani 2007 (fill so that every patch over the hole looks like some patch
outside it), with the search of Barnes et al. 2009 (PatchMatch: what fits a neighbour, then random
places nearer and nearer); here all pixels take a step at once. Over holes as large as ImageNet's
boxes, tiles show their seams and OpenCV's two methods draw streaks; patches do neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
"""Rows and columns of some pixels: ``(2, N)``."""
Floats = npt.NDArray[np.float32]

PATCH_RADIUS: Final = 3
"""Pixels from the centre of a patch to its border."""
SCALES: Final = ((8, 6), (4, 4), (2, 1))
"""(reduction, rounds), from coarse to fine. Where the last found its patches, full size copies from."""
NEIGHBOURS: Final = ((0, 2), (2, 0), (0, -2), (-2, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
"""Rows and columns to those whose matches are tried, far ones first."""


def inpaint(pixels: Pixels, hole: Mask, seed: int) -> Pixels:
    """An image with a hole filled; all other pixels as they were.

    Args:
        pixels: ``(H, W, 3) uint8``.
        hole: ``(H, W) bool``.
        seed: of the random search.

    Returns:
        ``(H, W, 3) uint8``, a copy. The hole is a patchwork of what is outside it, or, where no
        whole patch is outside it at any scale, a smooth surface.

    Raises:
        ValueError: nothing is outside the hole.
    """
    if hole.all():
        raise ValueError(f"expected pixels outside the hole, found none in {hole.shape[1]} x {hole.shape[0]}")
    if not hole.any():
        return pixels.copy()
    rng = np.random.default_rng(seed)
    result, level = _smooth(pixels, hole), None
    for reduction, rounds in SCALES:
        finer = Level.of(result, hole, reduction)
        if not len(finer.sources[0]):
            continue
        finer.start(level, rng)
        for _ in range(rounds):
            finer.search(rng)
            finer.vote()
        level = finer
        result[hole] = cv2.resize(level.image, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)[hole]
    if level is not None:
        _copy(result, hole, level)
    return result


@dataclass
class Level:
    """One scale. A patch over the hole has its centre at a target; each target has a match outside it.

    Attributes:
        reduction: how many pixels of the image one of these is wide.
        image: ``(h, w, 3) uint8``, the hole filled as far as is known.
        hole: ``(h, w) bool``.
        targets: ``(2, T)``.
        sources: ``(2, S)``, centres of whole patches outside the hole.
        index: ``(h, w)``, of the target at a place, or -1.
        is_source: ``(h, w) bool``.
        patches: ``(h, w, P) uint8``, the patch around each place.
        matches: ``(2, T)``, the source whose patch is likest each target's.
        cost: ``(T,)``, sum of squared differences of the two patches.
    """

    reduction: int
    image: Pixels
    hole: Mask
    targets: Places
    sources: Places
    index: npt.NDArray[np.intp]
    is_source: Mask
    patches: Pixels
    matches: Places
    cost: Floats

    @classmethod
    def of(cls, guess: Pixels, hole: Mask, reduction: int) -> Level:
        """A scale of an image whose hole is filled with a first guess."""
        height, width = (-(-length // reduction) for length in hole.shape)
        image = np.asarray(cv2.resize(guess, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        share = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        small = share > 0
        dilated = cv2.dilate(small.view(np.uint8), np.ones((2 * PATCH_RADIUS + 1,) * 2, np.uint8)).view(np.bool_)
        is_source = np.zeros_like(dilated)
        whole = (slice(PATCH_RADIUS, -PATCH_RADIUS),) * 2
        is_source[whole] = ~dilated[whole]
        targets = np.stack(np.nonzero(dilated))
        index = np.full(dilated.shape, -1, np.intp)
        index[*targets] = np.arange(targets.shape[1])
        sources = np.stack(np.nonzero(is_source))
        cost = np.full(targets.shape[1], np.inf, np.float32)
        return cls(reduction, image, small, targets, sources, index, is_source, _patches(image), targets.copy(), cost)

    def start(self, coarser: Level | None, rng: np.random.Generator) -> None:
        """Match what a coarser scale matched; anything where there is none."""
        self.matches[:] = self.sources[:, rng.integers(self.sources.shape[1], size=self.targets.shape[1])]
        if coarser is None:
            return
        ratio = coarser.reduction // self.reduction
        offsets = np.zeros((2, *coarser.hole.shape), np.intp)
        offsets[:, *coarser.targets] = coarser.matches - coarser.targets
        cells = np.minimum(self.targets // ratio, np.array(coarser.hole.shape)[:, None] - 1)
        candidates = self.targets + ratio * offsets[:, *cells]
        fits = self._usable(candidates)
        self.matches[:, fits] = candidates[:, fits]

    def search(self, rng: np.random.Generator) -> None:
        """Better matches: those next to the neighbours', then random ones around the best."""
        target_patches = self.patches[*self.targets].astype(np.float32)
        all_rows = np.arange(len(self.cost))
        self.cost[:] = _cost(target_patches, self.patches[*self.matches])
        for step in NEIGHBOURS:
            offset = np.array(step)[:, None]
            neighbour = self._target_at(self.targets - offset)
            has_neighbour = np.flatnonzero(neighbour >= 0)
            self._improve(target_patches, has_neighbour, self.matches[:, neighbour[has_neighbour]] + offset)
        radius = max(self.hole.shape)
        while radius >= 1:
            self._improve(
                target_patches, all_rows, self.matches + rng.integers(-radius, radius + 1, self.matches.shape)
            )
            radius //= 3

    def vote(self) -> None:
        """Fill the hole anew: each pixel the mean of what the patches over it have there, the likest weighing most."""
        height, width = self.hole.shape
        weight = (1 / (0.1 + self.cost / (1 + np.median(self.cost)))).astype(np.float32)[:, None]
        total = np.zeros((height + 2 * PATCH_RADIUS, width + 2 * PATCH_RADIUS, 4), np.float32)
        for dy in range(-PATCH_RADIUS, PATCH_RADIUS + 1):
            for dx in range(-PATCH_RADIUS, PATCH_RADIUS + 1):
                offset = np.array([[dy], [dx]])
                votes = self.image[*(self.matches + offset)] * weight
                total[*(self.targets + offset + PATCH_RADIUS)] += np.concatenate([votes, weight], 1)
        inner = total[PATCH_RADIUS:-PATCH_RADIUS, PATCH_RADIUS:-PATCH_RADIUS][self.hole]
        self.image[self.hole] = np.rint(inner[:, :3] / inner[:, 3:])
        self.patches[*self.targets] = _patches(self.image)[*self.targets]

    def _improve(self, target_patches: Floats, rows: Places, candidates: Places) -> None:
        """Take those candidates that are likest so far; ``candidates``: ``(2, N)``, of the targets ``who``."""
        usable = self._usable(candidates)
        rows, candidates = rows[usable], candidates[:, usable]
        cost = _cost(target_patches[rows], self.patches[*candidates])
        better = cost < self.cost[rows]
        self.cost[rows[better]] = cost[better]
        self.matches[:, rows[better]] = candidates[:, better]

    def _usable(self, places: Places) -> Mask:
        inside = _inside(places, self.hole.shape)
        inside[inside] = self.is_source[*places[:, inside]]
        return inside

    def _target_at(self, places: Places) -> npt.NDArray[np.intp]:
        inside = _inside(places, self.hole.shape)
        indices = np.full(places.shape[1], -1, np.intp)
        indices[inside] = self.index[*places[:, inside]]
        return indices


def _copy(result: Pixels, hole: Mask, level: Level) -> None:
    """Fill the hole at full size with the pixels that lie where a scale found its patches."""
    offsets = np.zeros((2, *level.hole.shape), np.intp)
    offsets[:, *level.targets] = level.matches - level.targets
    places = np.stack(np.nonzero(hole))
    origins = places + level.reduction * offsets[:, *(places // level.reduction)]
    fits = _inside(origins, hole.shape)
    fits[fits] = ~hole[*origins[:, fits]]
    result[*places[:, fits]] = result[*origins[:, fits]]


def _smooth(pixels: Pixels, hole: Mask) -> Pixels:
    """The hole as a smooth surface: averages of what is known, at the finest scale that knows anything there."""
    valid = (~hole).astype(np.float32)[..., None]
    scales: list[Floats] = [np.concatenate([pixels * valid, valid], 2)]
    while max(scales[-1].shape[:2]) > 1:
        height, width = scales[-1].shape[:2]
        smaller = _resize(scales[-1], (height + 1) // 2, (width + 1) // 2, cv2.INTER_AREA)
        # A quarter known is enough to go by.
        scales.append(smaller * np.minimum(1 / np.maximum(smaller[..., 3:], np.float32(1e-6)), 4))
    top = scales[-1]
    surface = np.asarray(top[..., :3] / np.maximum(top[..., 3:], 1e-6), np.float32)
    for scale in reversed(scales[:-1]):
        height, width = scale.shape[:2]
        surface = scale[..., :3] + (1 - scale[..., 3:]) * _resize(surface, height, width, cv2.INTER_LINEAR)
    result = pixels.copy()
    result[hole] = np.rint(surface[hole].clip(0, 255))
    return result


def _resize(image: npt.NDArray[np.floating[Any]], height: int, width: int, interpolation: int) -> Floats:
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.float32).reshape(
        height, width, -1
    )


def _patches(image: Pixels) -> Pixels:
    """``(h, w, P)``: the patch around each pixel; beyond the border the last pixel goes on."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((PATCH_RADIUS, PATCH_RADIUS), (PATCH_RADIUS, PATCH_RADIUS), (0, 0)), mode="edge")
    shifts = [(dy, dx) for dy in range(2 * PATCH_RADIUS + 1) for dx in range(2 * PATCH_RADIUS + 1)]
    return np.concatenate([padded[dy : dy + height, dx : dx + width] for dy, dx in shifts], 2)


def _cost(targets: Floats, candidates: Pixels) -> Floats:
    difference = targets - candidates
    return np.einsum("np,np->n", difference, difference)


def _inside(places: Places, shape: tuple[int, ...]) -> Mask:
    rows, columns = places
    return (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
