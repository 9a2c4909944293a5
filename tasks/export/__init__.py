"""A cleaned evaluation set in the formats of others."""

from reground.tasks.export.data_card import without_front_matter
from reground.tasks.export.dataset import Dataset
from reground.tasks.export.export import CARD, REGISTRY, Export, Exporter, export

__all__ = ["CARD", "REGISTRY", "Dataset", "Export", "Exporter", "export", "without_front_matter"]
