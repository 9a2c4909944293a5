"""Foreground masks: made from boxes, supplied, or predicted by a network."""

from reground.tasks.masks.rle import decode_mask, encode_mask
from reground.tasks.masks.step import STEP, MaskSettings

__all__ = ["STEP", "MaskSettings", "decode_mask", "encode_mask"]
