"""Variants a second against the published generator's order of work, on the same photographs and cores.

``python -m benchmarks.generator --images FOLDER --boxes FOLDER [--limit 64] [--methods grabcut,...]``
with ImageNet-like class folders. All sides start from the folders and end with all eight variants
of every usable photograph on disk, in as many threads as there are cores; they take turns, and the
best of the rounds counts. Ours: the steps ``index``, ``masks`` and ``variants``, as they are run,
by each mask method; one row a method. With ``grabcut`` ours composes as published, so that both make
the same pixels of the same masks: GrabCut is nearly all of it, once here and twice there.

The published order (rabbit-abacus/roleofimagebackgrounds, ``main.py``), rebuilt here from its
definition: a pass that holds every photograph against the filter, one that decodes it again for
Only-BG and tries GrabCut, one that decodes it a third time and runs GrabCut anew for the
foreground, decoding and tiling the background photograph anew for each mix. All eight are saved
as JPEG files. Tries that failed are not repeated here, which only helps that side.

The ratio named ``cpu`` is of processor seconds, which others on the machine move less.
"""

from __future__ import annotations

import argparse
import functools
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import Image, ImageDraw

from benchmarks.record import record
from benchmarks.variants import THREADS, Silent, Spent, best
from reground.flows.run import Runner, run_step
from reground.flows.steps import find
from reground.tasks.images import label_index, load_classes, load_groups, resolve_label
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Workspace

Corners = tuple[int, int, int, int]


class Photo(NamedTuple):
    """A photograph in a class folder, with its box file."""

    image: Path
    xml: Path
    group: int


def photos(images: Path, boxes: Path, limit: int) -> list[Photo]:
    """Photographs of classes in a group with a box file, evenly over all of them."""
    classes = load_classes()
    group_of = {row["class_idx"]: row["group"] for row in load_groups("imagenet9", classes)[0]}
    index, xmls = label_index(classes), {path.stem: path for path in boxes.rglob("*.xml")}
    found = [
        Photo(path.absolute(), xmls[path.stem], group_of[resolve_label(path.parent.name, index)])
        for path in sorted(images.rglob("*.*"))
        if path.stem in xmls and resolve_label(path.parent.name, index) in group_of
    ]
    return found[:: max(1, len(found) // limit)][:limit]


# The published order of work


def decoded(photo: Photo) -> tuple[Image.Image, Corners, Image.Image]:
    """The photograph, its box, and the box drawn: read anew by every pass."""
    image = Image.open(photo.image).convert("RGB")
    (box,) = ElementTree.parse(photo.xml).getroot().iter("bndbox")
    xmin, ymin, xmax, ymax = (int(str(box.findtext(edge))) for edge in ("xmin", "ymin", "xmax", "ymax"))
    drawn = Image.new("RGB", image.size)
    ImageDraw.Draw(drawn).rectangle([xmin, ymin, xmax, ymax], fill="white")
    return image, (xmin, ymin, xmax, ymax), drawn


def resized(image: Image.Image) -> Image.Image:
    scale = 256 / min(image.size)
    return image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.NEAREST)


def cropped(image: Image.Image, side: int) -> Image.Image:
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def is_good(photo: Photo) -> bool:
    _, _, drawn = decoded(photo)
    inside = np.sum(cropped(resized(drawn), 224)) // (255 * 3)
    whole = np.sum(resized(drawn)) // (255 * 3)
    return bool(inside / 224**2 <= 0.9 and inside >= 0.5 * whole)


def combined(first: Image.Image, second: Image.Image, white: np.ndarray) -> Image.Image:
    """The first image, and the second where the mask is white."""
    one, two = np.array(first), np.array(second)
    one[white == 255] = two[white == 255]
    return Image.fromarray(one)


def only_bg_t(image: Image.Image, corners: Corners, drawn: Image.Image) -> Image.Image:
    width, height = image.size
    xmin, ymin, xmax, ymax = corners
    if max(xmin, width - xmax) * height > max(ymin, height - ymax) * width:
        strip = (0, 0, xmin, height) if xmin > width - xmax else (xmax, 0, width, height)
    else:
        strip = (0, 0, width, ymin) if ymin > height - ymax else (0, ymax, width, height)
    tile, canvas = image.crop(strip), Image.new("RGB", image.size)
    for left in range(0, width, tile.width):
        for top in range(0, height, tile.height):
            canvas.paste(tile, (left, top))
    return combined(image, canvas, np.array(drawn))


def foreground(image: Image.Image, corners: Corners) -> np.ndarray | None:
    xmin, ymin, xmax, ymax = corners
    labels = np.zeros((image.height, image.width), np.uint8)
    rect = (xmin, ymin, xmax - xmin, ymax - ymin)
    cv2.grabCut(np.array(image), labels, rect, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    mask = np.where((labels == cv2.GC_BGD) | (labels == cv2.GC_PR_BGD), 0, 1).astype(np.uint8)
    return mask if np.sum(mask) >= 0.1 * rect[2] * rect[3] else None


def save(pictures: Mapping[str, Image.Image], out: Path, photo: Photo) -> None:
    for name, picture in pictures.items():
        folder = out / name / photo.image.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{photo.image.stem}.JPEG")


def first_pass(photo: Photo, out: Path) -> bool:
    """Original, Only-BG-B, Only-BG-T of a photograph that passes; False if it does not."""
    if not is_good(photo):
        return False
    image, corners, drawn = decoded(photo)
    black = combined(image, Image.new("RGB", image.size), np.array(drawn))
    made = {"original": image, "only_bg_b": black, "only_bg_t": only_bg_t(image, corners, drawn)}
    if foreground(image, corners) is None:
        return False
    save(made, out, photo)
    return True


def second_pass(photo: Photo, lenders: Mapping[str, Photo], out: Path) -> None:
    """Only-FG, No-FG and the mixed ones."""
    image, corners, _ = decoded(photo)
    mask = foreground(image, corners)
    if mask is None:
        return
    pixels = np.array(image)
    only_fg = Image.fromarray(pixels * mask[..., None])
    made = {"only_fg": only_fg, "no_fg": Image.fromarray(pixels * (1 - mask[..., None]))}
    front = cropped(resized(only_fg), 256)
    empty = np.all(np.array(front) == [0, 0, 0], axis=-1) * 255
    for name, lender in lenders.items():
        made[name] = combined(front, cropped(resized(only_bg_t(*decoded(lender))), 256), empty)
    save(made, out, photo)


def drawn_lenders(photo: Photo, by_group: Mapping[int, Sequence[Photo]], rng: random.Random) -> dict[str, Photo]:
    groups = sorted(by_group)
    after = groups[(groups.index(photo.group) + 1) % len(groups)]
    chosen = {"mixed_same": photo.group, "mixed_rand": rng.choice(groups), "mixed_next": after}
    return {name: rng.choice(by_group[group]) for name, group in chosen.items()}


def published(given: Sequence[Photo]) -> int:
    """Everything in the published order. Returns how many photographs have all variants."""
    cv2.setNumThreads(1)
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(THREADS) as pool:
        out = Path(folder)
        passed = list(pool.map(lambda photo: first_pass(photo, out), given))
        by_group: defaultdict[int, list[Photo]] = defaultdict(list)
        for photo in (photo for photo, good in zip(given, passed, strict=True) if good):
            by_group[photo.group].append(photo)
        good = [photo for members in by_group.values() for photo in members]
        lenders = [drawn_lenders(photo, by_group, rng) for photo in good]
        list(pool.map(lambda photo, lent: second_pass(photo, lent, out), good, lenders))
        return len(list(out.glob("only_fg/*/*.JPEG")))


# Ours


def ours(given: Sequence[Photo], boxes: Path, method: str) -> int:
    """The steps as they are run. Returns how many photographs have variants."""
    with tempfile.TemporaryDirectory() as folder:
        for photo in given:
            link = Path(folder, "images", photo.image.parent.name, photo.image.name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(photo.image)
        workspace = Workspace(Path(folder, "workspace"))
        shard_size = -(-len(given) // (4 * THREADS))
        told = {
            "index": {"images": str(Path(folder, "images")), "boxes": str(boxes), "shard_size": shard_size},
            "masks": {"method": method},
            "variants": {"compose": ("published",) if method == "grabcut" else ("mask",)},
        }
        for name, settings in told.items():
            run_step(name, workspace, find(name).settings(**settings), Runner("threads", THREADS), Silent())
        return sum(part.rows for _, part in workspace.parts("variants/only_fg"))


def measured(sides: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, tuple[int, Spent]]:
    """Side -> photographs it made variants of, and what its best round took."""
    made: dict[str, int] = {}

    def run(name: str) -> None:
        made[name] = sides[name]()

    took = best([functools.partial(run, name) for name in sides], rounds)
    return {name: (made[name], spent) for name, spent in zip(sides, took, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="class folders of photographs")
    parser.add_argument("--boxes", type=Path, required=True, help="a folder of their box XML")
    parser.add_argument("--limit", type=int, default=64, help="photographs taken")
    parser.add_argument("--methods", default="grabcut", help="of masks, on our side: NAME[,NAME...]")
    parser.add_argument("--rounds", type=int, default=2)
    told = parser.parse_args()
    given = photos(told.images, told.boxes, told.limit)
    methods = {name: functools.partial(ours, given, told.boxes, name) for name in told.methods.split(",")}
    found = measured({"published": functools.partial(published, given), **methods}, told.rounds)
    theirs, their_time = found.pop("published")
    for method, (made, time) in found.items():
        numbers = {
            "images": len(given),
            "method": method,
            "threads": THREADS,
            "published_with_variants": theirs,
            "with_variants": made,
            "published_per_s": len(VARIANTS) * theirs / their_time.wall,
            "per_s": len(VARIANTS) * made / time.wall,
            "to_published": (made / time.wall) / (theirs / their_time.wall),
            "to_published_cpu": (made / time.cpu) / (theirs / their_time.cpu),
        }
        record("generator", numbers, ("opencv-python-headless", "pillow", "pyarrow"))


if __name__ == "__main__":
    main()
