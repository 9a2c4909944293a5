"""A cleaned evaluation set in the formats of others."""

from reground.tasks.export.data_card import without_front_matter
from reground.tasks.export.dataset import Dataset
from reground.tasks.export.export import CARD, LABELS, PICTURES, REGISTRY, Exporter, export

__all__ = ["CARD", "LABELS", "PICTURES", "REGISTRY", "Dataset", "Exporter", "export", "without_front_matter"]
