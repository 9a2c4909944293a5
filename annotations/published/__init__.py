"""Published votes: import of the votes that others have collected; safe pickles, and ImageNet's validation images."""

from reground.annotations.published.answers import COLUMNS
from reground.annotations.published.formats import FORMATS, REGISTRY
from reground.annotations.published.importer import commit_classes, import_votes
from reground.annotations.published.safe_pickle import read_frame
from reground.annotations.published.sources import VoteSource, remove_votes, vote_sources
from reground.annotations.published.vocabulary import (
    IMAGENET_SIZE,
    imagenet_id,
    imagenet_labels,
    is_imagenet_id,
    parse_imagenet_id,
)

__all__ = [
    "import_votes",
    "FORMATS",
    "REGISTRY",
    "COLUMNS",
    "vote_sources",
    "VoteSource",
    "remove_votes",
    "commit_classes",
    "read_frame",
    "IMAGENET_SIZE",
    "imagenet_id",
    "imagenet_labels",
    "is_imagenet_id",
    "parse_imagenet_id",
]
