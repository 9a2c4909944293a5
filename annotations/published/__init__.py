"""Votes that others have published."""

from reground.annotations.published.importer import REGISTRY, import_votes

__all__ = ["import_votes", "REGISTRY"]
