"""Fields of settings classes: type, default, choices and help, from the dataclass alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.workspace import (
    Fault,
    FileAddress,
    FilePath,
    PositiveInt,
    Shard,
    Share,
    Step,
    Workspace,
    build,
    fields,
    refused,
    todo,
)


@dataclass(frozen=True)
class Inner:
    """A rule.

    Attributes:
        bound: below it
            nobody counts.
    """

    bound: Share = 0.5


@dataclass(frozen=True)
class Example:
    """An example.

    Attributes:
        colour: of the sky: ``blue``, or ``grey``.
        count: of birds.
        names: of the birds.
        folder: where they live.
        rule: for counting.
    """

    colour: Literal["blue", "grey"] = "blue"
    count: PositiveInt = 3
    names: tuple[str, ...] = ("wren",)
    folder: FilePath = ""
    rule: Inner = field(default_factory=Inner)


@dataclass(frozen=True)
class Places:
    """Where things are.

    Attributes:
        here: on this machine.
        anywhere: in stores too.
    """

    here: tuple[FilePath, ...] = ()
    anywhere: tuple[FileAddress, ...] = ()


def test_a_list_of_places_has_full_paths(tmp_path: Path) -> None:
    here, anywhere = fields(Places)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    full = (f"{tmp_path}/a", f"{tmp_path}/b")
    assert here.parse("a, b", tmp_path) == full and here.parse(["a", "missing"], tmp_path) == (full[0], "missing")
    assert here.absolute("a, b", tmp_path) == ",".join(full)
    assert anywhere.parse("s3://bucket/w, a", tmp_path) == ("s3://bucket/w", full[0])
    assert anywhere.absolute("s3://bucket/w,a", tmp_path) == f"s3://bucket/w,{full[0]}"
    with pytest.raises(ValueError, match="got s3://bucket/w: download it first"):
        here.parse("a,s3://bucket/w")


def test_fields() -> None:
    colour, count, names, folder, bound = fields(Example)
    assert (colour.name, colour.choices, colour.default) == ("colour", ("blue", "grey"), "blue")
    assert colour.help == "of the sky: ``blue``, or ``grey``."
    assert colour.expected == "one of: blue, grey"
    assert (count.type, count.expected) == (int, "a whole number, at least 1")
    assert (names.type, names.is_list, names.choices) == (tuple[str, ...], True, ())
    assert folder.location is not None and count.location is None
    assert (bound.name, bound.help) == ("rule.bound", "below it nobody counts.")


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("colour", "grey", "grey"),
        ("count", "7", 7),
        ("count", 7, 7),
        ("names", "a, b,", ("a", "b")),
        ("names", ["a", "b"], ("a", "b")),
        ("names", "", ()),
        ("rule.bound", "1e-3", 0.001),
        ("rule.bound", 1, 1.0),
    ],
)
def test_parse(name: str, raw: Any, value: Any) -> None:
    assert next(field for field in fields(Example) if field.name == name).parse(raw) == value


def test_build_is_nested_as_the_class_is() -> None:
    assert build(Example, {}) == Example()
    assert build(Example, {"count": 5, "rule.bound": 0.1}) == Example(count=5, rule=Inner(0.1))


def test_a_step_refuses_wrong_settings_before_it_plans(workspace_url: str) -> None:
    def check(settings: Example) -> list[Fault]:
        return [Fault("count", "expected as many as names")] if settings.count != len(settings.names) else []

    def plan(workspace: Workspace, settings: Example) -> list[Shard]:
        raise AssertionError("planned")

    step = Step("birds", 1, Example, plan, lambda *_: pytest.fail("worked"), check=check)
    workspace = Workspace(workspace_url)
    with pytest.raises(UsageError, match=r"^birds\.count: expected as many as names$"):
        todo(step, workspace, Example())
    wrong = Example(colour="green", count=0)  # type: ignore[arg-type]
    assert [fault.field for fault in step.faults(wrong)] == ["colour", "count"]
    with pytest.raises(UsageError, match=r"birds\.colour: .*, got 'green'.*\nbirds\.count: .*, got 0$"):
        todo(step, workspace, wrong)
    assert workspace.storage.list() == []


def test_refused() -> None:
    def rule(name: str) -> None:
        if name == "x":
            raise UsageError("expected another name")

    assert list(refused("name", rule, "a")) == []
    assert list(refused("name", rule, "x")) == [Fault("name", "expected another name")]
