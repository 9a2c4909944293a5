"""Pairs of classes that models confuse or people accept together, and a verdict on each."""

from reground.tasks.class_pairs.step import STEP, ClassPairSettings

__all__ = ["STEP", "ClassPairSettings"]
