"""The most similar photographs of each, by the features of a model."""

from reground.tasks.neighbours.step import STEP, NeighbourSettings, neighbour_models

__all__ = ["STEP", "NeighbourSettings", "neighbour_models"]
