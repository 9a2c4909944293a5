"""The pictures made of one photograph: its variants, by mask or as published.

Source: Xiao et al. 2020, figure 1 and the released generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from reground.tasks.images import DropError, Photograph
from reground.tasks.kernels import compose
from reground.tasks.kernels.geometry import apply_crop, central_crop
from reground.tasks.masks import decode_mask, encode_mask
from reground.tasks.schema import ImageId
from reground.tasks.variants.backgrounds import MASK, PUBLISHED, RULES, Pool, background, choose


@dataclass(frozen=True)
class Composition:
    """How a foreground comes onto a background.

    Attributes:
        name: ``mask`` or ``published``.
        fill: what takes the object's place in a background, one of `reground.tasks.variants.backgrounds.FILLS`.
        feather: width in pixels over which a pasted edge fades, 0: hard.
    """

    name: str
    fill: str = "tile"
    feather: float = 0.0


PUBLISHED_COMPOSITION: Final = Composition(PUBLISHED)


class Picture(NamedTuple):
    """A variant: ``(size, size, 3) uint8``, who lent the background, and the seed that chose it."""

    pixels: np.ndarray
    background_id: ImageId | None = None
    seed: int = 0


@dataclass(frozen=True)
class Subject:
    """A photograph that variants are made of, decoded.

    Attributes:
        photograph: it.
        group: of its class.
        native: its pixels, ``(H, W, 3) uint8``.
        pixels: those that variants show, ``(size, size, 3) uint8``.
        mask: of the foreground in these, ``(size, size) bool``.
        short: short side in pixels before cropping.
    """

    photograph: Photograph
    group: int
    native: np.ndarray
    pixels: np.ndarray
    mask: np.ndarray
    short: int

    @classmethod
    def of(cls, photograph: Photograph, group: int, mask_row: Mapping[str, Any], short: int, size: int) -> Subject:
        """Decode a photograph and its mask, a row of ``masks``."""
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

    def row(self) -> dict[str, Any]:
        """The row of ``foregrounds``."""
        return {
            "image_id": self.image_id,
            "class_idx": self.photograph.class_idx,
            "group": self.group,
            "rle": encode_mask(self.mask),
            "width": self.size,
            "height": self.size,
        }

    def variant_row(self, picture: Picture, pool: Pool) -> dict[str, Any]:
        """The row of ``variants/NAME``."""
        background_id = picture.background_id
        name = self.image_id if background_id is None else f"fg_{self.image_id}_bg_{background_id}"
        return {
            "image_id": self.image_id,
            "background_id": background_id,
            "class_idx": self.photograph.class_idx,
            "group": self.group,
            "background_group": None if background_id is None else pool.group(pool.photographs[background_id]),
            "seed": picture.seed,
            "image": {"bytes": _png(picture.pixels), "path": f"{name}.png"},
        }

    def difference_row(self, variant: str, by_mask: Picture, published: Picture) -> dict[str, Any]:
        """The row of ``composition_differences``."""
        return {
            "variant": variant,
            "image_id": self.image_id,
            "same_background": by_mask.background_id == published.background_id,
            "differing_share": float((by_mask.pixels != published.pixels).any(-1).mean()),
        }


def pictures(
    subject: Subject, pool: Pool, composition: Composition, base_seed: int
) -> tuple[dict[str, Picture], list[DropError]]:
    """All variants of a photograph that can be made, by name, and why the others cannot."""
    excluded = pool.excluded[composition.name].get(subject.image_id)
    if excluded:
        return {}, [excluded]
    made = {name: Picture(pixels) for name, pixels in _unmixed(subject, pool, composition.fill).items()}
    left_out: list[DropError] = []
    for variant in RULES:
        try:
            background_id, seed = choose(pool, variant, subject.photograph, base_seed, composition.name)
        except DropError as why:
            left_out.append(why)
            continue
        behind = background(pool, background_id, subject.short, subject.size, composition.fill)
        made[variant] = Picture(_mix(subject, behind, composition), background_id, seed)
    return made, left_out


def _unmixed(subject: Subject, pool: Pool, fill: str) -> dict[str, np.ndarray]:
    photograph = subject.photograph
    crop = central_crop(photograph.height, photograph.width, subject.short, subject.size)
    return {
        "original": subject.pixels,
        "only_bg_b": apply_crop(compose.black_box(subject.native, photograph.box), crop),
        "only_bg_t": background(pool, subject.image_id, subject.short, subject.size, fill, subject.native),
        "no_fg": compose.without_foreground(subject.pixels, subject.mask),
        "only_fg": compose.only_foreground(subject.pixels, subject.mask),
    }


def _mix(subject: Subject, behind: np.ndarray, composition: Composition) -> np.ndarray:
    if composition.name == MASK:
        return compose.paste(subject.pixels, subject.mask, behind, composition.feather)
    return compose.paste_all_but_black(compose.only_foreground(subject.pixels, subject.mask), behind)


def _png(pixels: np.ndarray) -> bytes:
    import cv2

    written, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not written:
        raise ValueError(f"OpenCV wrote no PNG of an array of {pixels.shape} {pixels.dtype}")
    return content.tobytes()
