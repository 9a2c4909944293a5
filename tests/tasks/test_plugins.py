"""Plugins are found by their metadata, loaded when they are selected, and named where they cannot be used."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.plugins import SESSION, Registry
from tests.support.distributions import import_path, write_distribution

GROUP = "reground.tests"


def check(target: Any) -> Callable[[], str]:
    if not callable(target):
        raise TypeError(f"expected a function, got {type(target).__name__}")
    return target


@pytest.fixture
def registry() -> Registry[Callable[[], str]]:
    return Registry(GROUP, "colour", ["red", "mixed:A,B"], check)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Six distributions: a good one, a broken one of each kind, and those that clash."""
    write_distribution(tmp_path, "good", {GROUP: {"green": "good:green"}}, "def green():\n    return 'green'\n", "1.2")
    write_distribution(tmp_path, "raising", {GROUP: {"grey": "raising:grey"}}, "raise OSError('no display')\n")
    write_distribution(tmp_path, "leaving", {GROUP: {"black": "leaving:black"}}, "raise SystemExit(3)\n")
    write_distribution(
        tmp_path, "lacking", {GROUP: {"white": "lacking:white", "ivory": "lacking:ivory"}}, "ivory = 7\n"
    )
    write_distribution(tmp_path, "shadow", {GROUP: {"red": "shadow:red", "mixed": "shadow:red", "a b": "shadow:red"}})
    write_distribution(tmp_path, "twin", {GROUP: {"blue": "twin:blue"}})
    write_distribution(tmp_path, "other-twin", {GROUP: {"blue": "other_twin:blue"}})
    with import_path(tmp_path):
        yield tmp_path


def test_only_the_selected_one_is_imported(registry: Registry[Any], site: Path) -> None:
    assert registry.names() == ["red", "mixed:A,B", "black", "green", "grey", "ivory", "white"]
    plugin = registry.find("green")
    assert (plugin.distribution, plugin.version, plugin.origin) == ("good", "1.2", "good 1.2")
    assert "good" not in sys.modules
    assert registry.load(plugin)() == "green"
    assert "good" in sys.modules and not {"raising", "leaving", "lacking", "shadow"} & set(sys.modules)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("grey", "colour 'grey' of raising 1.0 cannot be used: OSError: no display"),
        ("black", "colour 'black' of leaving 1.0 cannot be used: SystemExit: 3"),
        ("white", "colour 'white' of lacking 1.0 cannot be used: AttributeError"),
        ("ivory", "colour 'ivory' of lacking 1.0 cannot be used: TypeError: expected a function, got int"),
    ],
)
def test_a_broken_one_is_named_with_its_distribution(
    registry: Registry[Any], site: Path, name: str, message: str
) -> None:
    with pytest.raises(RegroundError, match=message):
        registry.load(registry.find(name))
    assert registry.load(registry.find("green"))() == "green"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("red", "'red' of shadow 1.0 is skipped: the name is built in"),
        ("mixed", "'mixed' of shadow 1.0 is skipped: the name is built in"),
        ("blue", "'blue' of other-twin 1.0 is skipped: several distributions have this name"),
        ("blue", "'blue' of twin 1.0 is skipped: several distributions have this name"),
        ("a b", "'a b' of shadow 1.0 is skipped: expected letters, digits"),
    ],
)
def test_a_clashing_one_is_never_selected(registry: Registry[Any], site: Path, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=rf"unknown colour '{name}': .*expected one of: black, green, .*{reason}"):
        registry.find(name)


def test_those_that_are_skipped_are_warned_of_once(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry(GROUP, "hue", ["red"], check)
    with caplog.at_level(logging.WARNING):
        registry.warn()
        registry.warn()
    assert caplog.messages == [
        "hue 'a b' of shadow 1.0 is skipped: expected letters, digits, dots, dashes and underscores in its name",
        "hue 'blue' of other-twin 1.0 is skipped: several distributions have this name",
        "hue 'blue' of twin 1.0 is skipped: several distributions have this name",
        "hue 'red' of shadow 1.0 is skipped: the name is built in",
    ]


def test_the_state_of_each_with_the_reason(registry: Registry[Any], site: Path) -> None:
    states = {(state.name, state.distribution): (state.state, state.reason) for state in registry.states()}
    assert states["green", "good"] == ("ok", "")
    assert states["grey", "raising"] == ("broken", "OSError: no display")
    assert states["red", "shadow"] == ("skipped", "the name is built in")
    assert {name for (name, _), (state, _) in states.items() if state == "broken"} == {
        "grey",
        "black",
        "white",
        "ivory",
    }
    assert {state.version for state in registry.states() if state.distribution == "good"} == {"1.2"}


# Registered in this process


def amber() -> str:
    return "amber"


def test_registered_it_is_selected_like_an_installed_one(registry: Registry[Any]) -> None:
    registry.register("amber", amber, version="3")
    plugin = registry.find("amber")
    assert (plugin.distribution, plugin.version) == (SESSION, "3")
    assert registry.load(plugin)() == "amber" and "amber" in registry.names()


def test_another_source_is_another_version(registry: Registry[Any]) -> None:
    versions = []
    for function in (amber, check, amber):
        registry.register("amber", function)
        versions.append(registry.find("amber").version)
    assert versions[0] == versions[2] != versions[1]


def test_without_source_it_needs_a_version(registry: Registry[Any]) -> None:
    with pytest.raises(UsageError, match=r"expected the source of .*give a version"):
        registry.register("length", len)
    registry.register("length", len, version="1")
    assert registry.find("length").version == "1"


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("red", amber, "cannot register the colour 'red': the name is built in"),
        ("mixed", amber, "the name is built in"),
        ("green", amber, "an installed plugin has this name"),
        ("a:b", amber, "expected letters, digits"),
        ("amber", 7, "expected a function, got int"),
    ],
)
def test_what_cannot_be_registered(registry: Registry[Any], site: Path, name: str, target: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        registry.register(name, target)
    assert all(plugin.distribution != SESSION for plugin in registry.plugins())
