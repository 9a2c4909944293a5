"""Features of images, as models see them."""

from reground.tasks.features.table import Features, feature_models, feature_table, load_features

__all__ = ["Features", "feature_models", "feature_table", "load_features"]
