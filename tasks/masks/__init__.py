"""Foreground masks: made from boxes, supplied, or predicted by a network."""

from reground.tasks.masks.methods import REGISTRY, MaskSettings
from reground.tasks.masks.rle import decode_mask, encode_mask
from reground.tasks.masks.source import MaskMethod, PartialMask
from reground.tasks.masks.step import STEP

__all__ = ["REGISTRY", "STEP", "MaskSettings", "MaskMethod", "PartialMask", "decode_mask", "encode_mask"]
