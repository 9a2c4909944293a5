"""Types of settings that say which values there are: bounds, and names of files.

A closed list is a ``Literal``. What a type cannot say, a step's `check` does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from reground.tasks.storage import is_url

PositiveInt = Annotated[int, Ge(1)]
NonNegativeInt = Annotated[int, Ge(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
Device = Literal["auto", "cpu", "cuda"]
"""``auto``: a GPU where there is one."""


@dataclass(frozen=True)
class Location:
    """Marks text that names a file or folder: a workspace remembers its full path, links kept as they are.

    Attributes:
        prefixed: the path follows a kind and a colon, as in ``supplied:DIR``.
        names: texts that name no file, whatever lies in the current folder.
        remote: the file or folder may be in an object store, named by its URL.
    """

    prefixed: bool = False
    names: tuple[str, ...] = ()
    remote: bool = False

    def absolute(self, text: str, folder: Path) -> str:
        """The text with the full path of what it names; unchanged where nothing is there.

        Args:
            text: value of the setting.
            folder: that relative paths start from.

        Examples:
            >>> Location(prefixed=True).absolute("supplied:tasks", Path("/"))
            'supplied:tasks'
            >>> Location(prefixed=True).absolute("supplied:dev", Path("/"))
            'supplied:/dev'
        """
        prefix, colon, path = self._split(text)
        if not path or text in self.names or is_url(path):
            return text
        full = folder.absolute() / path
        return f"{prefix}{colon}{_without_parents(full)}" if full.exists() else text

    def refuses(self, text: str) -> bool:
        """Whether it names a file in an object store, where the file has to be on this machine.

        Examples:
            >>> Location().refuses("s3://bucket/classes.csv"), Location(remote=True).refuses("s3://bucket/val")
            (True, False)
        """
        return not self.remote and (is_url(text) or is_url(self._split(text)[2]))

    def _split(self, text: str) -> tuple[str, str, str]:
        return text.partition(":") if self.prefixed else ("", "", text)


def _without_parents(path: Path) -> Path:
    """The path without ``..``, unless a link makes that another place."""
    plain = Path(os.path.normpath(path))
    return plain if plain.exists() and plain.samefile(path) else path


FilePath = Annotated[str, Location()]
FileAddress = Annotated[str, Location(remote=True)]
"""A path, or the URL of an object store."""
