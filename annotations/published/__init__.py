"""Published votes: import of the votes that others have collected."""

from reground.annotations.published.importer import FORMATS, REGISTRY, import_votes

__all__ = ["import_votes", "FORMATS", "REGISTRY"]
