"""What a way to make masks is to the step ``masks``."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from reground.tasks.errors import RegroundError
from reground.tasks.images import Box, DropError, Photograph, path_id, stem_id
from reground.tasks.plugins import Plugin
from reground.tasks.schema import DropReason, ImageId
from reground.tasks.storage import is_url, read_uri

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PartialMask:
    """A mask without some of the parts that were given for it.

    Attributes:
        mask: ``(H, W) bool``.
        problems: why each of the other parts cannot be used.
    """

    mask: Mask
    problems: tuple[str, ...]


Decode = Callable[[], Pixels]
"""Gives the photograph, ``(H, W, 3) uint8`` RGB; decodes it once, when first asked."""


@dataclass(frozen=True)
class ShardInputs:
    """What the masks of a shard are made from, beside its photographs.

    Attributes:
        inputs: digests of it.
        args: what `MaskMethod.find` needs, JSON-able and small.
    """

    inputs: tuple[str, ...] = ()
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class MaskMethod:
    """A way to make masks.

    Attributes:
        label: as in the column ``method``.
        find: (photograph, its pixels, seed, `ShardInputs.args`) -> mask, ``(H, W) bool``, or a `PartialMask`.
            The box of the photograph is where the object is: of all its boxes, or the whole image where it
            has none. Raises `DropError` where there is no mask.
        shard_inputs: the image_ids of a shard -> what is given for them; None: nothing is.
        needs_one_box: an image needs exactly one box, as published.
        estimated: nobody drew the masks, so one much smaller than its box has failed.
        uses_seed: it starts at random.
        check: raises a UsageError where a path that it was given leads nowhere.
        origin: distribution and version of the plugin it comes from; empty: it is built in.
    """

    label: str
    find: Callable[[Photograph, Decode, int, Mapping[str, Any]], Mask | PartialMask]
    shard_inputs: Callable[[Sequence[str]], ShardInputs] | None = None
    needs_one_box: bool = False
    estimated: bool = True
    uses_seed: bool = False
    check: Callable[[], None] = lambda: None
    origin: str = ""


Segment = Callable[[Pixels, Box, int], Mask]
"""(pixels, box, seed) -> mask, ``(H, W) bool``; the least that a plugin has to bring."""


def box_method(label: str, kernel: Segment, uses_seed: bool = True) -> MaskMethod:
    """A source that needs a photograph and its one box, and nothing else.

    Args:
        label: as in the column ``method``.
        kernel: (pixels, box, seed) -> mask; raises `reground.tasks.kernels.grabcut.SegmentationError`.
        uses_seed: it starts at random.
    """

    def find(photograph: Photograph, pixels: Decode, seed: int, shard_inputs: Mapping[str, Any]) -> Mask:
        from reground.tasks.kernels.grabcut import SegmentationError

        try:
            return kernel(pixels(), photograph.box, seed)
        except SegmentationError as error:
            raise DropError(DropReason.MASK_FAILED, str(error)) from error

    return MaskMethod(label, find, needs_one_box=True, uses_seed=uses_seed)


def check_method(target: Any) -> MaskMethod | Segment:
    """What a plugin of ``reground.masks`` brings.

    Raises:
        TypeError: it is neither a `MaskMethod` nor a function.
    """
    if isinstance(target, MaskMethod):
        return target
    if not callable(target):
        raise TypeError(f"expected a function (pixels, box, seed) -> mask or a MaskMethod, got {type(target).__name__}")
    return cast("Segment", target)


def from_plugin(plugin: Plugin, target: MaskMethod | Segment) -> MaskMethod:
    """The source of a plugin, under the plugin's name; each of its masks is checked."""
    label = f"{plugin.name} ({plugin.origin})"
    source = target if isinstance(target, MaskMethod) else box_method(label, target)

    def find(photograph: Photograph, pixels: Decode, seed: int, shard_inputs: Mapping[str, Any]) -> Mask | PartialMask:
        result = source.find(photograph, pixels, seed, shard_inputs)
        mask = np.asarray(result.mask if isinstance(result, PartialMask) else result)
        if mask.dtype != np.bool_ or mask.shape != (photograph.height, photograph.width):
            raise RegroundError(
                f"expected a mask of {photograph.image_id} by {label} as bool of {photograph.height} x "
                f"{photograph.width}, got {mask.dtype} of {' x '.join(map(str, mask.shape))}."
            )
        return dataclasses.replace(result, mask=mask) if isinstance(result, PartialMask) else mask

    return dataclasses.replace(source, label=label, find=find, origin=plugin.origin)


def candidate_ids(name: str) -> tuple[ImageId, ImageId]:
    """The image_ids that the image of a mask may have, by path and by stem; ``name`` is the mask's path."""
    return path_id(name), stem_id(name)


def file_sha256(uri: str | Path) -> str:
    """Of the content of a file, or of an object by its URL; hexadecimal.

    Raises:
        RegroundError: it cannot be read.
    """
    try:
        if is_url(str(uri)):
            return hashlib.sha256(read_uri(str(uri))).hexdigest()
        with Path(uri).open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise RegroundError(f"expected a readable file at {uri}: {error.strerror or error}.") from error
