"""What a storage can do: whole objects by key, and puts that depend on what is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


class ConflictError(Exception):
    """A conditional put was refused: somebody else has written the object, or removed it."""


@dataclass(frozen=True)
class Entity:
    """What a listing says of an object.

    Attributes:
        key: relative to the root of the storage, with slashes.
        size: in bytes.
        modified: by the clock of the storage, with its time zone.
        tag: entity tag of an object store, another one for each content; empty: the storage has none.
    """

    key: str
    size: int
    modified: datetime
    tag: str = ""


class Storage(ABC):
    """Objects below one root. A key is a relative path with slashes; a put writes the whole object or nothing.

    Every method raises `RegroundError` where the storage cannot be reached, refuses the credentials, or may not be
    written; and `FileNotFoundError` where it says so. Threads may share one.

    Attributes:
        url: of the root, as the user gave it.
        root: full path of the root, without a slash at its end.
        is_local: whether it is a folder of this machine.
    """

    url: str
    root: str
    is_local: bool

    @abstractmethod
    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: there is none.
        """

    @abstractmethod
    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Some bytes of an object: fewer than ``length`` where it ends.

        Raises:
            FileNotFoundError: there is none.
        """

    @abstractmethod
    def get_tagged(self, key: str) -> tuple[bytes, str]:
        """The whole object, and the entity tag that `replace` takes.

        Raises:
            FileNotFoundError: there is none.
        """

    @abstractmethod
    def put(self, key: str, content: bytes, private: bool = False) -> None:
        """Write an object, whatever was there.

        Args:
            key: of the object.
            content: all of it.
            private: in a folder, closed to other users of this machine; who may read a bucket is the bucket's affair.
        """

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """As `put`, of many objects; a folder flushes them together. After a kill, any of them may be missing.

        Args:
            contents: key -> all of the object.
        """
        for key, content in contents.items():
            self.put(key, content)

    @abstractmethod
    def create(self, key: str, content: bytes) -> str:
        """Write an object only if there is none. Returns its entity tag.

        An object with the very same bytes counts as written by this call: a store may take a put and lose the answer,
        and the client then tries again. Where two writers may send equal bytes, put something unique into them.

        Raises:
            ConflictError: there is one.
        """

    @abstractmethod
    def replace(self, key: str, content: bytes, tag: str) -> str:
        """Write an object only if it is still the one of ``tag``. Returns its new entity tag; see `create`.

        Raises:
            ConflictError: it is another one by now, or gone.
        """

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""

    @abstractmethod
    def list(self, prefix: str = "") -> list[Entity]:
        """The objects below a folder, at any depth, by key; none where there is no such folder.

        Args:
            prefix: key of the folder, without a slash at its end; empty: the root.
        """

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """Where the object lies on this machine; None: only in an object store."""

    @abstractmethod
    def sweep(self, prefix: str) -> int:
        """Remove what interrupted puts left below a folder. Returns how many files."""
