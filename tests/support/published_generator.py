"""The published generator once more, from its definition: Pillow, torchvision and OpenCV alone, file by file.

Written from what rabbit-abacus/roleofimagebackgrounds does, to hold `reground.tasks.variants.step` against. It
shares no line with it: boxes come from the XML, pixels from the photograph, the mask from GrabCut.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import Image, ImageChops, ImageDraw
from torchvision import transforms

NEAREST = transforms.InterpolationMode.NEAREST
AT_256 = transforms.Compose([transforms.Resize(256, NEAREST), transforms.CenterCrop(256)])
AT_224 = transforms.Compose([transforms.Resize(256, NEAREST), transforms.CenterCrop(224)])
CUT = transforms.CenterCrop(224)


class Photo(NamedTuple):
    """A photograph and its box file."""

    image: Path
    xml: Path

    def open(self) -> Image.Image:
        return Image.open(self.image).convert("RGB")

    def corners(self) -> list[int]:
        (box,) = ElementTree.parse(self.xml).getroot().iter("bndbox")
        return [int(str(box.findtext(edge))) for edge in ("xmin", "ymin", "xmax", "ymax")]

    def box(self) -> Image.Image:
        """White where the box is, both corners included."""
        drawn = Image.new("L", self.open().size)
        ImageDraw.Draw(drawn).rectangle(self.corners(), fill=255)
        return drawn

    def tiled(self) -> Image.Image:
        """Only-BG-T at native size."""
        image, (xmin, ymin, xmax, ymax) = self.open(), self.corners()
        width, height = image.size
        across = max(xmin, width - xmax) * height > max(ymin, height - ymax) * width
        if across:
            strip = (0, 0, xmin, height) if xmin > width - xmax else (xmax, 0, width, height)
        else:
            strip = (0, 0, width, ymin) if ymin > height - ymax else (0, ymax, width, height)
        tile, canvas = image.crop(strip), Image.new("RGB", image.size)
        for left in range(0, width, tile.width):
            for top in range(0, height, tile.height):
                canvas.paste(tile, (left, top))
        return Image.composite(canvas, image, self.box())

    def foreground(self, seed: int) -> Image.Image:
        """GrabCut's mask at native size, 255 in the foreground."""
        xmin, ymin, xmax, ymax = self.corners()
        pixels = np.array(self.open())
        found = np.zeros(pixels.shape[:2], np.uint8)
        cv2.setRNGSeed(seed)
        rect = (xmin, ymin, xmax - xmin, ymax - ymin)
        cv2.grabCut(pixels, found, rect, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
        return Image.fromarray(np.isin(found, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255)


def as_published(photo: Photo, seed: int, lenders: dict[str, Photo]) -> dict[str, np.ndarray]:
    """All eight variants as their evaluator shows them: ``(224, 224, 3) uint8``.

    Args:
        photo: the foreground's.
        seed: of GrabCut; the published generator has none.
        lenders: mixed variant -> the background's photograph.
    """
    image, black = photo.open(), Image.new("RGB", photo.open().size)
    foreground = photo.foreground(seed)
    only_fg = Image.composite(image, black, foreground)
    native = {
        "original": image,
        "only_bg_b": Image.composite(black, image, photo.box()),
        "only_bg_t": photo.tiled(),
        "no_fg": Image.composite(black, image, foreground),
        "only_fg": only_fg,
    }
    variants = {name: AT_224(picture) for name, picture in native.items()}
    for name, lender in lenders.items():
        variants[name] = CUT(_mixed(AT_256(only_fg), AT_256(lender.tiled())))
    return {name: np.asarray(picture) for name, picture in variants.items()}


def _mixed(only_fg: Image.Image, behind: Image.Image) -> Image.Image:
    """Whatever is exactly black in front shows what is behind."""
    red, green, blue = only_fg.split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return Image.composite(behind, only_fg, brightest.point(lambda value: 255 * (value == 0)))
