"""An object store by ``obstore``, which comes with the extra ``objects`` and is imported here alone.

A process that was forked from one that has used a store hangs in its first request: such a process is refused.
Start workers by ``spawn`` or ``forkserver``.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.storage.interface import ConflictError, Entity, Storage
from reground.tasks.storage.object_errors import conflict_types, translated

DELETE_BATCH: Final = 1_000
"""Keys of one request that removes objects."""
LIST_CHUNK: Final = 1_000
CLIENT: Final[dict[str, Any]] = {"connect_timeout": "5s", "timeout": "60s"}
RETRY: Final[dict[str, Any]] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=60),
}

PAST_END: Final = ("416 R", "InvalidRange")
"""What the error of a range says that begins where the object ends, or after that."""

ENDPOINTS: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
"""Variables that name another server than the vendor's; one that begins with ``http://`` allows plain HTTP."""

_user: int | None = None
"""Process that has used a store: one forked from it must not."""


class ObjectStore(Storage):
    """Objects of a bucket below a prefix. Nothing is cached: a listing shows what was written before it.

    Credentials, region and endpoint come from the environment, as the vendors' own tools read them
    (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``),
    or from the machine's own identity in a cloud. Pickles hold the URL alone.

    Raises:
        UsageError: the package obstore is missing, or the URL names no bucket.
    """

    def __init__(self, url: str) -> None:
        self.url, self.is_local = url, False
        self.root = url.rstrip("/")
        self._store, self._prefix = _open(self.root)

    def __reduce__(self) -> tuple[type[ObjectStore], tuple[str]]:
        return type(self), (self.url,)

    def get(self, key: str) -> bytes:
        return self.get_tagged(key)[0]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        import obstore
        from obstore.exceptions import BaseError

        if length <= 0:
            return b""
        with translated(self.url, key):
            try:
                return bytes(obstore.get_range(_checked(self._store), self._prefix + key, start=start, length=length))
            except BaseError as error:
                if any(word in str(error) for word in PAST_END):
                    return b""
                raise

    def get_tagged(self, key: str) -> tuple[bytes, str]:
        import obstore

        with translated(self.url, key):
            result = obstore.get(_checked(self._store), self._prefix + key)
            return bytes(result.bytes()), str(result.meta["e_tag"])

    def put(self, key: str, content: bytes, private: bool = False) -> None:
        import obstore

        with translated(self.url, key):
            obstore.put(_checked(self._store), self._prefix + key, content)

    def create(self, key: str, content: bytes) -> str:
        return self._put_if(key, content, "create")

    def replace(self, key: str, content: bytes, tag: str) -> str:
        return self._put_if(key, content, {"e_tag": tag})

    def delete(self, keys: Iterable[str]) -> None:
        import obstore

        paths = [self._prefix + key for key in keys]
        for start in range(0, len(paths), DELETE_BATCH):
            with translated(self.url, paths[start]):
                try:
                    obstore.delete(_checked(self._store), paths[start : start + DELETE_BATCH])
                except FileNotFoundError:  # of one key: stores of this kind stop there
                    self._delete_each(paths[start : start + DELETE_BATCH])

    def list(self, prefix: str = "") -> list[Entity]:
        return sorted(self.scan(prefix), key=lambda entity: entity.key)

    def scan(self, prefix: str = "") -> Iterator[Entity]:
        """As `list`, in the order of the store, and asked for page by page."""
        import obstore

        with translated(self.url, prefix):
            chunks = obstore.list(_checked(self._store), self._prefix + prefix or None, chunk_size=LIST_CHUNK)
            for chunk in chunks:
                yield from map(self._entity, chunk)

    def exists(self, key: str) -> bool:
        try:
            self.head(key)
        except FileNotFoundError:
            return False
        return True

    def head(self, key: str) -> Entity:
        """What a listing says of one object.

        Raises:
            FileNotFoundError: there is none.
        """
        import obstore

        with translated(self.url, key):
            return self._entity(obstore.head(_checked(self._store), self._prefix + key))

    def local_path(self, key: str) -> Path | None:
        return None

    def sweep(self, prefix: str) -> int:
        return 0

    def _entity(self, meta: Any) -> Entity:
        key = meta["path"].removeprefix(self._prefix)
        return Entity(key, meta["size"], meta["last_modified"], meta["e_tag"] or "")

    def _put_if(self, key: str, content: bytes, mode: Any) -> str:
        """A refusal is looked into: a put that was taken, and its answer lost, is refused when it is tried again."""
        import obstore

        with translated(self.url, key):
            try:
                return str(obstore.put(_checked(self._store), self._prefix + key, content, mode=mode)["e_tag"])
            except (*conflict_types(), FileNotFoundError) as error:
                refusal = error
        try:
            current, tag = self.get_tagged(key)
        except FileNotFoundError:
            raise ConflictError(f"{self.root}/{key} is gone") from refusal
        if current != content:
            raise ConflictError(f"{self.root}/{key} was written by somebody else") from refusal
        return tag

    def _delete_each(self, paths: Iterable[str]) -> None:
        import obstore

        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, path)


def _open(url: str) -> tuple[Any, str]:
    """The client of a store, and what its keys begin with.

    Raises:
        UsageError: the package obstore is missing, or the URL names no bucket.
    """
    try:
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise UsageError(
            f"cannot open {url}: object stores need the package obstore: `pip install reground[objects]`."
        ) from error
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise UsageError(f"expected {scheme}://BUCKET/PREFIX, got {url}: it names no bucket.")
    try:
        if scheme == "memory":
            return _memory_bucket(bucket), f"{prefix}/" if prefix else ""
        return _remote(url), ""
    except (BaseError, ValueError) as error:
        raise UsageError(f"cannot open {url}: {str(error).splitlines()[0]}.") from error


def _remote(url: str) -> Any:
    from obstore.store import from_url

    plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
    return from_url(url, client_options={**CLIENT, "allow_http": plain}, retry_config=RETRY)  # type: ignore[arg-type]


@functools.cache
def _memory_bucket(bucket: str) -> Any:
    """One store a name: whoever opens the URL in this process sees the same objects."""
    from obstore.store import MemoryStore

    return MemoryStore()


def _checked(store: Any) -> Any:
    """Raises:
    RegroundError: this process was forked from one that has used a store.
    """
    global _user
    _user = _user or os.getpid()
    if _user != os.getpid():
        raise RegroundError(
            "an object store cannot be used in a process that was forked from one that has used it: "
            "start the process by `spawn`."
        )
    return store
