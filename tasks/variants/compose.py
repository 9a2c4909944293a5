"""The variants of one photograph, composed by mask or as published.

Source: Xiao et al. 2020, figure 1 and the released generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from reground.tasks.images import DropError, Photograph
from reground.tasks.kernels import compose
from reground.tasks.kernels.geometry import apply_crop, central_crop
from reground.tasks.masks import decode_mask, encode_mask
from reground.tasks.schema import CompositionDifferenceRow, ForegroundRow, ImageId, MaskRow, VariantRow
from reground.tasks.variants.backgrounds import background
from reground.tasks.variants.inputs import VariantInputs
from reground.tasks.variants.pool import MASK, PUBLISHED, BackgroundPool


@dataclass(frozen=True)
class Composition:
    """How a foreground is pasted onto a background.

    Attributes:
        name: ``mask`` or ``published``.
        fill: how the box is filled in a background, one of `reground.tasks.variants.backgrounds.FILLS`.
        feather: width of the soft edge in pixels, 0: hard.
    """

    name: str
    fill: str = "tile"
    feather: float = 0.0


PUBLISHED_COMPOSITION: Final = Composition(PUBLISHED)


class VariantImage(NamedTuple):
    """A variant image: ``(size, size, 3) uint8``, the image that provides the background, and the seed of the draw."""

    pixels: np.ndarray
    background_id: ImageId | None = None
    seed: int = 0


@dataclass(frozen=True)
class Subject:
    """A decoded photograph with its mask.

    Attributes:
        photograph: file, class and box.
        group: group of its class.
        native: ``(H, W, 3) uint8``, pixels at native size.
        pixels: ``(size, size, 3) uint8``, resized and cropped.
        mask: ``(size, size) bool``, True: foreground.
        short: short side in pixels before cropping.
    """

    photograph: Photograph
    group: int
    native: np.ndarray
    pixels: np.ndarray
    mask: np.ndarray
    short: int

    @classmethod
    def of(cls, photograph: Photograph, group: int, mask_row: MaskRow, short: int, size: int) -> Subject:
        """Decode a photograph and its row of ``masks``."""
        native = photograph.load()
        crop = central_crop(photograph.height, photograph.width, short, size)
        mask = decode_mask(mask_row["rle"], mask_row["height"], mask_row["width"])
        return cls(photograph, group, native, apply_crop(native, crop), apply_crop(mask, crop), short)

    @property
    def image_id(self) -> ImageId:
        return self.photograph.image_id

    @property
    def size(self) -> int:
        """Side of the variants in pixels."""
        return len(self.mask)

    def row(self) -> ForegroundRow:
        """The row of ``foregrounds``."""
        return {
            "image_id": self.image_id,
            "class_idx": self.photograph.class_idx,
            "group": self.group,
            "rle": encode_mask(self.mask),
            "width": self.size,
            "height": self.size,
        }

    def variant_row(self, image: VariantImage, pool: BackgroundPool) -> VariantRow:
        """The row of ``variants/NAME``."""
        background_id = image.background_id
        name = self.image_id if background_id is None else f"fg_{self.image_id}_bg_{background_id}"
        return {
            "image_id": self.image_id,
            "background_id": background_id,
            "class_idx": self.photograph.class_idx,
            "group": self.group,
            "background_group": None if background_id is None else pool.group(pool.photographs[background_id]),
            "seed": image.seed,
            "image": {"bytes": _png(image.pixels), "path": f"{name}.png"},
        }

    def difference_row(
        self, variant: str, by_mask: VariantImage, as_published: VariantImage
    ) -> CompositionDifferenceRow:
        """The row of ``composition_differences``."""
        return {
            "variant": variant,
            "image_id": self.image_id,
            "same_background": by_mask.background_id == as_published.background_id,
            "differing_share": float((by_mask.pixels != as_published.pixels).any(-1).mean()),
        }


def compose_variants(
    subject: Subject, inputs: VariantInputs, composition: Composition
) -> tuple[dict[str, VariantImage], list[DropError]]:
    """The variants of a photograph, name -> image, and the reasons why others cannot be made."""
    pool = inputs.pool
    exclusion = pool.exclusions[composition.name].get(subject.image_id)
    if exclusion:
        return {}, [exclusion]
    images = {name: VariantImage(pixels) for name, pixels in _unmixed(subject, pool, composition.fill).items()}
    drop_errors: list[DropError] = []
    for variant, selection in inputs.backgrounds(composition.name, subject.image_id).items():
        if isinstance(selection, DropError):
            drop_errors.append(selection)
            continue
        try:
            pixels = background(pool, selection.background_id, subject.short, subject.size, composition.fill)
        except DropError as error:
            drop_errors.append(error)
            continue
        images[variant] = VariantImage(_mix(subject, pixels, composition), *selection)
    return images, drop_errors


def _unmixed(subject: Subject, pool: BackgroundPool, fill: str) -> dict[str, np.ndarray]:
    photograph = subject.photograph
    crop = central_crop(photograph.height, photograph.width, subject.short, subject.size)
    return {
        "original": subject.pixels,
        "only_bg_b": apply_crop(compose.black_box(subject.native, photograph.box), crop),
        "only_bg_t": background(pool, subject.image_id, subject.short, subject.size, fill, subject.native),
        "no_fg": compose.without_foreground(subject.pixels, subject.mask),
        "only_fg": compose.only_foreground(subject.pixels, subject.mask),
    }


def _mix(subject: Subject, background_pixels: np.ndarray, composition: Composition) -> np.ndarray:
    if composition.name == MASK:
        return compose.paste(subject.pixels, subject.mask, background_pixels, composition.feather)
    return compose.paste_all_but_black(compose.only_foreground(subject.pixels, subject.mask), background_pixels)


def _png(pixels: np.ndarray) -> bytes:
    import cv2

    success, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not success:
        raise ValueError(
            f"expected pixels that OpenCV can encode as PNG, got an array of {pixels.shape} {pixels.dtype}"
        )
    return content.tobytes()
