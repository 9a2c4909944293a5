"""The background variants of ImageNet-9."""

from reground.tasks.variants.step import STEP, VariantSettings

__all__ = ["VariantSettings", "STEP"]
