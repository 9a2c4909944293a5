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

REACH: Final = 3
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
    filled, level = _smooth(pixels, hole), None
    for reduction, rounds in SCALES:
        finer = Level.of(filled, hole, reduction)
        if not len(finer.sources[0]):
            continue
        finer.start(level, rng)
        for _ in range(rounds):
            finer.search(rng)
            finer.vote()
        level = finer
        filled[hole] = cv2.resize(level.image, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)[hole]
    if level is not None:
        _copy(filled, hole, level)
    return filled


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
    def of(cls, filled: Pixels, hole: Mask, reduction: int) -> Level:
        """A scale of an image whose hole is filled with a first guess."""
        height, width = (-(-length // reduction) for length in hole.shape)
        image = np.asarray(cv2.resize(filled, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        share = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        small = share > 0
        over = cv2.dilate(small.view(np.uint8), np.ones((2 * REACH + 1,) * 2, np.uint8)).view(np.bool_)
        is_source = np.zeros_like(over)
        whole = (slice(REACH, -REACH),) * 2
        is_source[whole] = ~over[whole]
        targets = np.stack(np.nonzero(over))
        index = np.full(over.shape, -1, np.intp)
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
        at = np.minimum(self.targets // ratio, np.array(coarser.hole.shape)[:, None] - 1)
        found = self.targets + ratio * offsets[:, *at]
        fits = self._usable(found)
        self.matches[:, fits] = found[:, fits]

    def search(self, rng: np.random.Generator) -> None:
        """Better matches: those next to the neighbours', then random ones around the best."""
        wanted = self.patches[*self.targets].astype(np.float32)
        everyone = np.arange(len(self.cost))
        self.cost[:] = _cost(wanted, self.patches[*self.matches])
        for step in NEIGHBOURS:
            offset = np.array(step)[:, None]
            neighbour = self._target_at(self.targets - offset)
            has_one = np.flatnonzero(neighbour >= 0)
            self._improve(wanted, has_one, self.matches[:, neighbour[has_one]] + offset)
        radius = max(self.hole.shape)
        while radius >= 1:
            self._improve(wanted, everyone, self.matches + rng.integers(-radius, radius + 1, self.matches.shape))
            radius //= 3

    def vote(self) -> None:
        """Fill the hole anew: each pixel the mean of what the patches over it have there, the likest weighing most."""
        height, width = self.hole.shape
        weight = (1 / (0.1 + self.cost / (1 + np.median(self.cost)))).astype(np.float32)[:, None]
        total = np.zeros((height + 2 * REACH, width + 2 * REACH, 4), np.float32)
        for down in range(-REACH, REACH + 1):
            for across in range(-REACH, REACH + 1):
                offset = np.array([[down], [across]])
                votes = self.image[*(self.matches + offset)] * weight
                total[*(self.targets + offset + REACH)] += np.concatenate([votes, weight], 1)
        inner = total[REACH:-REACH, REACH:-REACH][self.hole]
        self.image[self.hole] = np.rint(inner[:, :3] / inner[:, 3:])
        self.patches[*self.targets] = _patches(self.image)[*self.targets]

    def _improve(self, wanted: Floats, who: Places, candidates: Places) -> None:
        """Take those candidates that are likest so far; ``candidates``: ``(2, N)``, of the targets ``who``."""
        usable = self._usable(candidates)
        who, candidates = who[usable], candidates[:, usable]
        cost = _cost(wanted[who], self.patches[*candidates])
        better = cost < self.cost[who]
        self.cost[who[better]] = cost[better]
        self.matches[:, who[better]] = candidates[:, better]

    def _usable(self, places: Places) -> Mask:
        inside = _inside(places, self.hole.shape)
        inside[inside] = self.is_source[*places[:, inside]]
        return inside

    def _target_at(self, places: Places) -> npt.NDArray[np.intp]:
        inside = _inside(places, self.hole.shape)
        found = np.full(places.shape[1], -1, np.intp)
        found[inside] = self.index[*places[:, inside]]
        return found


def _copy(filled: Pixels, hole: Mask, level: Level) -> None:
    """Fill the hole at full size with the pixels that lie where a scale found its patches."""
    offsets = np.zeros((2, *level.hole.shape), np.intp)
    offsets[:, *level.targets] = level.matches - level.targets
    places = np.stack(np.nonzero(hole))
    from_where = places + level.reduction * offsets[:, *(places // level.reduction)]
    fits = _inside(from_where, hole.shape)
    fits[fits] = ~hole[*from_where[:, fits]]
    filled[*places[:, fits]] = filled[*from_where[:, fits]]


def _smooth(pixels: Pixels, hole: Mask) -> Pixels:
    """The hole as a smooth surface: averages of what is known, at the finest scale that knows anything there."""
    known = (~hole).astype(np.float32)[..., None]
    scales: list[Floats] = [np.concatenate([pixels * known, known], 2)]
    while max(scales[-1].shape[:2]) > 1:
        height, width = scales[-1].shape[:2]
        half = _resize(scales[-1], (height + 1) // 2, (width + 1) // 2, cv2.INTER_AREA)
        # A quarter known is enough to go by.
        scales.append(half * np.minimum(1 / np.maximum(half[..., 3:], np.float32(1e-6)), 4))
    top = scales[-1]
    surface = np.asarray(top[..., :3] / np.maximum(top[..., 3:], 1e-6), np.float32)
    for scale in reversed(scales[:-1]):
        height, width = scale.shape[:2]
        surface = scale[..., :3] + (1 - scale[..., 3:]) * _resize(surface, height, width, cv2.INTER_LINEAR)
    filled = pixels.copy()
    filled[hole] = np.rint(surface[hole].clip(0, 255))
    return filled


def _resize(image: npt.NDArray[np.floating[Any]], height: int, width: int, how: int) -> Floats:
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.float32).reshape(height, width, -1)


def _patches(image: Pixels) -> Pixels:
    """``(h, w, P)``: the patch around each pixel; beyond the border the last pixel goes on."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    shifts = [(down, across) for down in range(2 * REACH + 1) for across in range(2 * REACH + 1)]
    return np.concatenate([padded[down : down + height, across : across + width] for down, across in shifts], 2)


def _cost(wanted: Floats, found: Pixels) -> Floats:
    difference = wanted - found
    return np.einsum("np,np->n", difference, difference)


def _inside(places: Places, shape: tuple[int, ...]) -> Mask:
    rows, columns = places
    return (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
