"""Objects under keys: a folder of this machine, or a bucket. The one door to both."""

from reground.tasks.storage.address import is_url, local_copy, read_uri, scan_url, stat_url
from reground.tasks.storage.interface import ConflictError, Entity, Storage
from reground.tasks.storage.location import check_key, open_storage

__all__ = [
    "ConflictError",
    "Entity",
    "Storage",
    "check_key",
    "open_storage",
    "is_url",
    "read_uri",
    "local_copy",
    "scan_url",
    "stat_url",
]
