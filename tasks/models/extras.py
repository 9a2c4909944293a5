"""Import what only some installations have."""

from __future__ import annotations

import importlib
from typing import Any

from reground.tasks.errors import RegroundError


def import_extra(package: str, extra: str, wanted_by: str) -> Any:
    """The module ``package``.

    Raises:
        RegroundError: it is not installed; names the extra of this project that brings it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise RegroundError(
            f"'{wanted_by}' needs the package {package}, which is not installed: run `pip install 'reground[{extra}]'`."
        ) from error
