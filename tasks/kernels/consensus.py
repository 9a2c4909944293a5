"""Foreground from a box: several small cuts from different starts, the best of which is brought to size.

Better and faster than GrabCut at native size (``python -m benchmarks.masks`` says by how much).
Its weak spot is the start: everything in the box. Here five cuts, on a small copy of the box and a
margin around it, one round each, start from

- three readings, wary to bold, of a *prior*: how much more the colour of a pixel is
  that of the box's middle than that of the margin, and how far the pixel is from the margin along
  the cheapest path through the colours (geodesic distance; Bai, Sapiro 2007; Wei et al. 2012);
- an ellipse in the box;
- everything in the box.

The cut that *agrees* with the others, *reaches* the sides of the box (a tight box touches its object
on all four) and differs in colour from the rest is chosen, and follows the edges of the photograph
up to its size (fast guided filter; He, Sun 2015, arXiv:1505.00996).

The constants were set on one half of 176 photographs, where others nearby do as well (mean IoU within
0.01); the benchmark holds them against both halves.
Nothing is random: OpenCV's generator is seeded with a constant.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from reground.tasks.kernels.geodesic import geodesic_distance
from reground.tasks.kernels.geometry import Box
from reground.tasks.kernels.grabcut import Mask, Pixels, SegmentationError
from reground.tasks.kernels.guided_filter import guided_enlargement
from reground.tasks.memory import is_out_of_memory

Plane = npt.NDArray[np.float32]

SIDE: Final = 140
"""The box is brought to the area of a square of that side, in pixels, to be cut."""
PRIOR_SIDE: Final = 60
"""Likewise for the prior."""
MARGIN: Final = 0.15
"""What is looked at around the box, as a share of that square's side."""
COLOUR_WEIGHT: Final = 0.7
DISTANCE_WEIGHT: Final = 1.2
PRIOR_OFFSET: Final = -4.8
"""Of a logistic regression of the reference masks on the two cues of the prior."""
STEP: Final = 0.5
"""Length of a path from one pixel to the next, where the colour is the same (CIELAB units)."""
READINGS: Final = ((0.05, 0.5, 0.9), (0.15, 0.45, 0.7), (0.1, 0.33, 0.6))
"""Up to which prior a pixel is background for sure, from which probable and from which sure foreground."""
ELLIPSE: Final = (0.5, 1.1)
"""Radii within which foreground is sure and probable; 1 touches the sides of the box."""
REACH_WEIGHT: Final = 0.5
CONTRAST_WEIGHT: Final = 0.5
"""Against a weight of 1 for the agreement with the other cuts."""
MIN_COMPONENT_AREA: Final = 0.02
"""Pieces of a smaller share of the largest piece are dropped."""
MAX_HOLE_AREA: Final = 0.01
"""Holes of a smaller share of the mask are filled."""
BINS: Final = (16, 24, 24)
"""Of lightness, a and b in colour histograms, which are blurred by one bin."""
GUIDE_RADIUS: Final = 5
"""Of the guided filter, in pixels of the small copy."""
GUIDE_EPSILON: Final = 1e-3
"""Variance of lightness (0 to 1) below which the guided filter smoothes."""


class View(NamedTuple):
    """A box and its margin, brought to a size.

    Attributes:
        pixels: ``(h, w, 3) uint8`` RGB.
        lab: ``(h, w, 3) float32`` CIELAB, lightness 0 to 100.
        box: in it, edges in pixels.
        window: in the photograph, edges in pixels.
    """

    pixels: Pixels
    lab: Plane
    box: Box
    window: Box

    @property
    def inside(self) -> Mask:
        """``(h, w) bool``: the pixels of the box."""
        inside = np.zeros(self.pixels.shape[:2], np.bool_)
        inside[_slices(self.box)] = True
        return inside


def consensus(pixels: Pixels, box: Box) -> Mask:
    """The foreground in a tight box; every pixel outside the box is background.

    Args:
        pixels: ``(H, W, 3) uint8`` RGB.
        box: edges in pixels, inside the image.

    Returns:
        ``(H, W) bool``.

    Raises:
        SegmentationError: the box is empty, leaves the image or fills it, or no cut finds anything in it.
    """
    height, width = pixels.shape[:2]
    xmin, ymin, xmax, ymax = box
    if not (0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height):
        raise SegmentationError(f"expected a box inside {width} x {height}, got {tuple(box)}")
    if (xmax - xmin, ymax - ymin) == (width, height):
        raise SegmentationError("expected background around the box, got a box of the whole image")
    view = _view(pixels, box)
    soft = _upsample(_clean(_select(view, _segmentations(view, _prior(view)))), view, pixels)
    mask = np.zeros((height, width), np.bool_)
    mask[_slices(view.window)] = soft > 0.5
    mask[:ymin] = mask[ymax:] = mask[:, :xmin] = mask[:, xmax:] = False
    return mask


def _view(pixels: Pixels, box: Box) -> View:
    height, width = pixels.shape[:2]
    xmin, ymin, xmax, ymax = box
    length = ((xmax - xmin) * (ymax - ymin)) ** 0.5
    margin = max(1, round(MARGIN * length))
    left, top = max(0, xmin - margin), max(0, ymin - margin)
    right, bottom = min(width, xmax + margin), min(height, ymax + margin)
    columns, x = _scale(left, right, xmin, xmax, SIDE / length)
    rows, y = _scale(top, bottom, ymin, ymax, SIDE / length)
    interpolation = cv2.INTER_AREA if length > SIDE else cv2.INTER_LINEAR
    small = np.asarray(
        cv2.resize(pixels[top:bottom, left:right], (columns, rows), interpolation=interpolation), np.uint8
    )
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    return View(small, lab, (x[0], y[0], x[1], y[1]), (left, top, right, bottom))


def _scale(start: int, stop: int, low: int, high: int, factor: float) -> tuple[int, tuple[int, int]]:
    """The length of a scaled side, and of the box in it, which keeps a pixel and its margins."""
    left, right = int(low > start), int(high < stop)
    length = max(left + 1 + right, round((stop - start) * factor))
    scale = length / (stop - start)
    first = min(max(round((low - start) * scale), left), length - right - 1)
    last = max(min(round((high - start) * scale), length - right), first + 1)
    return length, (first, last)


def _prior(view: View) -> Plane:
    """Chance of each pixel to be foreground, ``(h, w)``."""
    height, width = view.inside.shape
    shape = max(2, round(height * PRIOR_SIDE / SIDE)), max(2, round(width * PRIOR_SIDE / SIDE))
    lab = _resize(view.lab, shape, cv2.INTER_AREA)
    box = _resize(view.inside.astype(np.float32), shape, cv2.INTER_AREA)
    outside = box < max(0.5, box.min() + 0.01)  # never empty, however thin the margin
    centrality = np.exp(-2 * _radius(view.box, view.inside.shape) ** 2)
    bins, middle = _bins(lab), _resize(centrality, shape, cv2.INTER_AREA) * ~outside
    log_ratio = np.log((_shares(bins, middle) + 1e-5) / (_shares(bins, outside) + 1e-5))
    distance = np.log1p(geodesic_distance(lab, outside, STEP))
    logit = COLOUR_WEIGHT * log_ratio + DISTANCE_WEIGHT * distance + PRIOR_OFFSET
    prior = np.where(outside, 0, 1 / (1 + np.exp(-logit)))
    return _resize(prior.astype(np.float32), (height, width), cv2.INTER_LINEAR)


def _segmentations(view: View, prior: Plane) -> list[Mask]:
    radius, inside = _radius(view.box, prior.shape), view.inside
    sure, probable = ELLIPSE
    starts = [
        *(_start(prior, *thresholds) for thresholds in READINGS),
        _start(-radius, -np.inf, -probable, -sure),
        np.full(inside.shape, cv2.GC_PR_FGD, np.uint8),
    ]
    lab = _lab(view.pixels)
    candidates = (_segment(lab, np.where(inside, start, cv2.GC_BGD).astype(np.uint8)) for start in starts)
    masks = [mask for mask in candidates if mask is not None and mask.any()]
    if not masks:
        raise SegmentationError("expected a box with an object to tell from its surroundings, found none")
    return masks


def _start(score: Plane, background: float, probable: float, sure: float) -> npt.NDArray[np.uint8]:
    """GrabCut's four kinds of pixels by three thresholds of a score."""
    kinds = np.array([cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD], np.uint8)
    return kinds[np.digitize(score, (background, probable, sure))]


def _segment(lab: Pixels, start: npt.NDArray[np.uint8]) -> Mask | None:
    """One round of GrabCut; None where it has too few pixels to learn from."""
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(lab, start, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    except cv2.error as error:
        if is_out_of_memory(error):  # a candidate less would be another mask
            raise MemoryError(str(error)) from error
        return None
    return (start == cv2.GC_FGD) | (start == cv2.GC_PR_FGD)


def _select(view: View, masks: list[Mask]) -> Mask:
    bins = _bins(view.lab)
    flat = np.stack([mask.ravel() for mask in masks]).astype(np.float32)
    intersection = flat @ flat.T
    areas = flat.sum(axis=1)
    agreement = (intersection / (areas[:, None] + areas - intersection)).mean(axis=1)
    scores = [
        score * len(masks) / max(1, len(masks) - 1)
        + REACH_WEIGHT * _reach(mask, view.box)
        + CONTRAST_WEIGHT * _contrast(mask, bins)
        for score, mask in zip(agreement, masks)
    ]
    return masks[int(np.argmax(scores))]


def _clean(mask: Mask) -> Mask:
    """Without the pieces (8-connected) that are crumbs beside the largest, and without pinholes (4-connected)."""
    _, components, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    min_area = MIN_COMPONENT_AREA * areas[1:].max()
    mask = mask & (areas >= min_area)[components]
    _, holes, stats, _ = cv2.connectedComponentsWithStats((~mask).view(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < MAX_HOLE_AREA * mask.sum()
    small[np.unique(np.concatenate([holes[[0, -1]].ravel(), holes[:, [0, -1]].ravel()]))] = False
    return mask | (small[holes] & ~mask)


def _reach(mask: Mask, box: Box) -> float:
    """Of the box, the share that the bounding box of the largest piece covers."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    component = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    area = (box[2] - box[0]) * (box[3] - box[1])
    return float(component[cv2.CC_STAT_WIDTH]) * float(component[cv2.CC_STAT_HEIGHT]) / area


def _contrast(mask: Mask, bins: npt.NDArray[np.intp]) -> float:
    """How well colour alone tells the cut from the rest: 0 (not at all) to 1."""
    foreground, background = _shares(bins, mask), _shares(bins, ~mask)
    chance = foreground / (foreground + background + 1e-9)
    return float(chance[mask].mean() - chance[~mask].mean())


def _bins(lab: Plane) -> npt.NDArray[np.intp]:
    """The histogram bin of every pixel, ``(h, w)``."""
    scale = (np.array(BINS) - 1) / (100, 128, 128)
    cell = np.rint((lab + np.array((0, 64, 64))) * scale).clip(0, np.array(BINS) - 1).astype(np.intp)
    return np.ravel_multi_index((cell[..., 0], cell[..., 1], cell[..., 2]), BINS)


def _shares(bins: npt.NDArray[np.intp], weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Of all the weight, the share that pixels of a pixel's colour have, ``(h, w)``."""
    counts = np.bincount(bins.ravel(), weights.ravel().astype(np.float64), int(np.prod(BINS)))
    smooth = cv2.GaussianBlur(counts.reshape(BINS), (7, 7), 1.0, borderType=cv2.BORDER_CONSTANT)
    smooth = cv2.GaussianBlur(smooth.reshape(-1, BINS[2]), (7, 1), 1.0, borderType=cv2.BORDER_CONSTANT)
    frequencies = np.asarray(smooth, np.float64).ravel()[bins]
    return frequencies / max(float(smooth.sum()), 1e-9)


def _radius(box: Box, shape: tuple[int, ...]) -> Plane:
    """Distance from the middle of the box in half its sides, ``(h, w)``."""
    xmin, ymin, xmax, ymax = box
    x = (np.arange(shape[1]) + 0.5 - (xmin + xmax) / 2) / ((xmax - xmin) / 2)
    y = (np.arange(shape[0]) + 0.5 - (ymin + ymax) / 2) / ((ymax - ymin) / 2)
    return np.hypot(x, y[:, None]).astype(np.float32)


def _upsample(mask: Mask, view: View, pixels: Pixels) -> Plane:
    """The mask of a view brought to the size of its window."""
    small_guide = view.lab[..., 0] / np.float32(100)
    guide = _lab(pixels[_slices(view.window)])[..., 0].astype(np.float32) / np.float32(255)
    return guided_enlargement(mask.astype(np.float32), small_guide, guide, GUIDE_RADIUS, GUIDE_EPSILON)


def _lab(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.uint8)


def _resize(plane: Plane, shape: tuple[int, int], interpolation: int) -> Plane:
    return np.asarray(cv2.resize(plane, shape[::-1], interpolation=interpolation), np.float32)


def _slices(box: Box) -> tuple[slice, slice]:
    xmin, ymin, xmax, ymax = box
    return slice(ymin, ymax), slice(xmin, xmax)
