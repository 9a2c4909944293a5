"""Data in the layout of the released ImageNet-9: import it, and the names of its files."""

from reground.tasks.imagenet9 import layout
from reground.tasks.imagenet9.step import STEP, Imagenet9Settings

__all__ = ["STEP", "Imagenet9Settings", "layout"]
