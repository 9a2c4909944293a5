"""What is chosen by name: built in, installed with another distribution, or registered in this process.

A distribution adds to the project by entry points (packaging.python.org/specifications/entry-points) of the groups
``reground.models``, ``reground.masks``, ``reground.exports``, ``reground.votes`` and ``reground.suspects``. A plugin is
imported when it is selected, not before; one that clashes with another is skipped.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar

from reground.tasks.errors import RegroundError, UsageError, unknown

T = TypeVar("T")

log = logging.getLogger(__name__)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SESSION: Final = "this session"
"""Stands for the distribution of what a program has registered."""


@dataclass(frozen=True)
class Plugin:
    """Something that is selected by name and is not built in.

    Attributes:
        name: it is selected by.
        distribution: that installs it, or `SESSION`.
        version: of the distribution; of a registered object the given one, or a digest of its source.
        load: imports and returns the object.
        skipped: why it cannot be selected; empty: it can.
    """

    name: str
    distribution: str
    version: str
    load: Callable[[], Any]
    skipped: str = ""

    @property
    def origin(self) -> str:
        """Distribution and version: part of the key of everything that the plugin makes."""
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class PluginState:
    """One line of `Registry.states`; ``state`` is ``ok``, ``skipped`` or ``broken``."""

    group: str
    name: str
    distribution: str
    version: str
    state: str
    reason: str


class Registry(Generic[T]):
    """The names of one kind of thing.

    Args:
        group: of the entry points.
        kind: what one is called in messages.
        builtin: the names that are built in, as the help shows them: ``supplied:DIR`` reserves ``supplied``.
        check: the loaded object -> what the project calls; raises TypeError, saying what it expects.
        reserved: further names that no plugin may have.
    """

    def __init__(
        self, group: str, kind: str, builtin: Iterable[str], check: Callable[[Any], T], reserved: Iterable[str] = ()
    ) -> None:
        self.group, self.kind = group, kind
        self._builtin = tuple(builtin)
        self._reserved = {name.partition(":")[0] for name in self._builtin} | set(reserved)
        self._check = check
        self._registered: dict[str, Plugin] = {}

    def names(self) -> list[str]:
        """All that can be selected: built-in names first, then those of plugins."""
        return [*self._builtin, *(plugin.name for plugin in self.plugins() if not plugin.skipped)]

    def find(self, name: str) -> Plugin:
        """The plugin called ``name``; imports nothing.

        Raises:
            UsageError: there is none that can be selected; the message lists all names, and why any is skipped.
        """
        for plugin in self.plugins():
            if plugin.name == name and not plugin.skipped:
                return plugin
        raise self.unknown(name)

    def unknown(self, name: str) -> UsageError:
        """An error that lists all names, and why any plugin is skipped."""
        skipped = [f"'{p.name}' of {p.origin} is skipped: {p.skipped}" for p in self.plugins() if p.skipped]
        return UsageError("; ".join([str(unknown(self.kind, name, self.names())), *skipped]))

    def load(self, plugin: Plugin) -> T:
        """Import a plugin.

        Raises:
            RegroundError: it cannot be imported, or is not what its group expects; names the distribution.
        """
        try:
            return self._check(plugin.load())
        except (Exception, SystemExit) as error:  # what a module raises when it is imported is its own affair
            others = ", ".join(name for name in self.names() if name != plugin.name)
            raise RegroundError(
                f"{self.kind} '{plugin.name}' of {plugin.origin} cannot be used: {type(error).__name__}: {error}. "
                f"Upgrade or uninstall {plugin.distribution}, or select another: {others}."
            ) from error

    def register(self, name: str, target: Any, version: str = "") -> None:
        """Add something to this process alone; a second one of the same name takes the place of the first.

        Args:
            name: letters, digits, dots, dashes and underscores.
            target: as an entry point of the group would load it.
            version: raise it whenever the results change; empty: a digest of the source of ``target``,
                which misses a change in what it calls.

        Raises:
            UsageError: the name is built in, a plugin's, or malformed; or ``target`` is of the wrong kind.
        """
        reason = self._unfit(name)
        if not reason and any(_name(point) == name for point in _installed(self.group)):
            reason = "an installed plugin has this name"
        if reason:
            raise UsageError(f"cannot register the {self.kind} '{name}': {reason}.")
        try:
            self._check(target)
        except TypeError as error:
            raise UsageError(f"cannot register the {self.kind} '{name}': {error}.") from error
        self._registered[name] = Plugin(name, SESSION, version or _source_digest(target), lambda: target)

    def unregister_all(self) -> None:
        """Forget what this process has added."""
        self._registered.clear()

    def plugins(self) -> list[Plugin]:
        """Every plugin by name, those that are skipped too; imports none."""
        points = _installed(self.group)
        count = Counter(map(_name, points))
        installed = [self._plugin(point, count[_name(point)]) for point in points]
        return sorted((*installed, *self._registered.values()), key=lambda plugin: (plugin.name, plugin.origin))

    def warn(self) -> None:
        """Log, once in a process, every plugin that is skipped."""
        for plugin in self.plugins():
            if plugin.skipped:
                _warn(self.kind, plugin.name, plugin.origin, plugin.skipped)

    def states(self) -> list[PluginState]:
        """Import every plugin, and say of each whether it can be used."""
        return [self._state(plugin) for plugin in self.plugins()]

    def _plugin(self, point: EntryPoint, count: int) -> Plugin:
        distribution, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
        clash = "several distributions have this name" if count > 1 else ""
        return Plugin(_name(point), distribution, version, point.load, self._unfit(_name(point)) or clash)

    def _unfit(self, name: str) -> str:
        if name in self._reserved:
            return "the name is built in"
        return "" if NAME.fullmatch(name) else "expected letters, digits, dots, dashes and underscores in its name"

    def _state(self, plugin: Plugin) -> PluginState:
        state, reason = "ok", ""
        if plugin.skipped:
            state, reason = "skipped", plugin.skipped
        else:
            try:
                self.load(plugin)
            except RegroundError as error:
                state, reason = "broken", f"{type(error.__cause__).__name__}: {error.__cause__}"
        return PluginState(self.group, plugin.name, plugin.distribution, plugin.version, state, reason)


def forget_installed() -> None:
    """Look at the installed distributions anew, after one has come or gone."""
    _installed.cache_clear()


@functools.cache
def _installed(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))


@functools.cache
def _warn(kind: str, name: str, origin: str, reason: str) -> None:
    log.warning("%s '%s' of %s is skipped: %s", kind, name, origin, reason)


def _name(point: EntryPoint) -> str:
    return point.name.strip()


def _source_digest(target: Any) -> str:
    try:
        source = inspect.getsource(target if inspect.isroutine(target) or inspect.isclass(target) else type(target))
    except (OSError, TypeError) as error:
        raise UsageError(
            f"expected the source of {getattr(target, '__name__', target)!r}, to know when it changes, found none: "
            "give a version."
        ) from error
    return hashlib.sha256(source.encode()).hexdigest()[:12]
