"""Re-grounds image-classification benchmarks.

In a notebook:

    import reground

    workspace = reground.open("workspace")
    workspace.run_all("photographs", index={"boxes": "boxes"})
    workspace.read("evaluation")

Importing this package loads none of its dependencies: names load when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from reground.tasks.errors import RegroundError, UsageError

if TYPE_CHECKING:
    from reground.extend import (
        register_export_format,
        register_mask_method,
        register_model,
        register_suspect_kind,
        register_votes_format,
    )
    from reground.workspace import Workspace, open

    __version__: str

__all__ = [
    "open",
    "Workspace",
    "register_model",
    "register_mask_method",
    "register_export_format",
    "register_votes_format",
    "register_suspect_kind",
    "RegroundError",
    "UsageError",
]

_PLACES: Final = {
    "open": "reground.workspace",
    "Workspace": "reground.workspace",
    "register_model": "reground.extend",
    "register_mask_method": "reground.extend",
    "register_export_format": "reground.extend",
    "register_votes_format": "reground.extend",
    "register_suspect_kind": "reground.extend",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("reground")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
