"""Add a model, a mask method, an export format, a format of votes or a kind of suspect to this process.

What is registered is selected by name like an installed plugin. Each function is a decorator too:

    @reground.register_mask_method("box")
    def box_mask(pixels, box, seed): ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def register_model(name: str, load: Any = None, *, version: str = "") -> Any:
    """Add a model.

    Args:
        name: of the model; it may be followed by a colon and any text.
        load: (name, device) -> `reground.tasks.models.Model`; a class whose constructor takes these will do.
            Left out: a decorator.
        version: see `reground.tasks.plugins.Registry.register`.

    Raises:
        UsageError: the name is not free or malformed, or ``load`` is no function.
    """
    from reground.tasks import models

    return _register(models.register, name, load, version)


def register_mask_method(name: str, method: Any = None, *, version: str = "") -> Any:
    """Add a mask method.

    Args:
        name: as of ``masks.method``.
        method: (pixels, box, seed) -> mask: ``(H, W, 3) uint8``, `reground.tasks.images.Box` and int ->
            ``(H, W) bool``; or a `reground.tasks.masks.Source`. Left out: a decorator.
        version: see `reground.tasks.plugins.Registry.register`.

    Raises:
        UsageError: the name is not free or malformed, or ``method`` is of another kind.
    """
    from reground.tasks.masks import REGISTRY

    return _register(REGISTRY.register, name, method, version)


def register_export_format(name: str, write: Any = None, *, version: str = "") -> Any:
    """Add an export format.

    Args:
        name: of the format.
        write: (dataset, folder): writes a `reground.tasks.export.Dataset` into an empty folder; or an
            `reground.tasks.export.Exporter`. Left out: a decorator.
        version: see `reground.tasks.plugins.Registry.register`.

    Raises:
        UsageError: the name is not free or malformed, or ``write`` is of another kind.
    """
    from reground.tasks.export import REGISTRY

    return _register(REGISTRY.register, name, write, version)


def register_votes_format(name: str, read: Any = None, *, version: str = "") -> Any:
    """Add a format of votes.

    Args:
        name: of the format, and of the source of its votes.
        read: (path) -> answers, mappings with the columns of the CSV: image_id, label, annotator, answer and,
            if known, the optional ones. Left out: a decorator.
        version: see `reground.tasks.plugins.Registry.register`.

    Raises:
        UsageError: the name is not free or malformed, or ``read`` is no function.
    """
    from reground.annotations.published import REGISTRY

    return _register(REGISTRY.register, name, read, version)


def register_suspect_kind(name: str, method: Any = None, *, version: str = "") -> Any:
    """Add a kind of suspect.

    Args:
        name: of the kind, as in ``suspects.find``.
        method: a `reground.tasks.suspects.Method`. Left out: a decorator.
        version: see `reground.tasks.plugins.Registry.register`; a method has no source of its own, so give one.

    Raises:
        UsageError: the name is not free or malformed, or ``method`` is no method.
    """
    from reground.tasks.suspects import REGISTRY

    return _register(REGISTRY.register, name, method, version)


def _register(register: Callable[[str, T, str], None], name: str, target: T | None, version: str) -> Any:
    def add(added: T) -> T:
        register(name, added, version)
        return added

    return add if target is None else add(target)
