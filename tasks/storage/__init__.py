"""Objects under keys: a folder of this machine, or a bucket. The one door to both."""

from reground.tasks.storage.interface import ConflictError, Entity, Storage
from reground.tasks.storage.location import check_key, open_storage

__all__ = ["ConflictError", "Entity", "Storage", "check_key", "open_storage"]
