"""The fields of a settings class: types, bounds, defaults and help, read from the dataclass itself.

A step describes its settings once, as a frozen dataclass with an ``Attributes:`` section. The command
line, the documentation and every check read that description here. Fields of a nested dataclass are named
by a dotted path.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace.setting_types import Location

S = TypeVar("S")

KINDS: Final[dict[Any, str]] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
MAX_QUOTED: Final = 80
"""Characters of a wrong value that a message quotes."""


@dataclass(frozen=True)
class SettingField:
    """One setting.

    Attributes:
        name: dotted path below the settings class, for example ``exclude.min_gold_accuracy``.
        type: of the value, without its bounds: ``int``, ``tuple[str, ...]``, ``Literal['cpu', 'cuda']``, ...
        default: its value where nobody sets it.
        choices: all values there are, or all that a list may hold; empty: the list is open.
        help: one paragraph, from the docstring of the class.
        annotation: the type with its bounds.
    """

    name: str
    type: Any
    default: Any
    choices: tuple[str, ...]
    help: str
    annotation: Any

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        if self.choices:
            return f"{'some' if self.is_list else 'one'} of: {', '.join(filter(None, self.choices))}"
        kind = "names, separated by commas" if self.is_list else KINDS[self.type]
        return kind + _bounds(self.annotation)

    @property
    def is_list(self) -> bool:
        """Whether it holds several values."""
        return get_origin(self.type) is tuple

    @property
    def location(self) -> Location | None:
        """How it names a file or folder, if it does."""
        named = get_args(self.annotation)[0] if self.is_list else self.annotation
        metadata = getattr(named, "__metadata__", ())
        return next((one for one in metadata if isinstance(one, Location)), None)

    def absolute(self, text: str, folder: Path) -> str:
        """The text of a value with the full paths of what it names; unchanged if it names no file or folder.

        Args:
            text: as the command line gives it.
            folder: that relative paths start from.
        """
        if not self.location:
            return text
        return ",".join(self.location.absolute(one, folder) for one in (_split(text) if self.is_list else (text,)))

    def parse(self, raw: Any, folder: Path | None = None) -> Any:
        """A value of the field's type.

        Args:
            raw: the value itself, as TOML or JSON gives it, or its text, as the command line and the environment
                do: items of a list are separated by commas there.
            folder: that relative paths start from; None: they stay as they are.

        Raises:
            ValueError: another kind of value, one out of bounds, or text that is not Unicode.
        """
        value = self._validate(os.fspath(raw) if isinstance(raw, os.PathLike) else raw)
        if self.location:
            value = self._locate(self.location, value, folder)
        for text in value if self.is_list else (value,):
            _check_unicode(text)
        return value

    def _locate(self, location: Location, value: Any, folder: Path | None) -> Any:
        if self.is_list:
            return tuple(self._locate_one(location, one, folder) for one in value)
        return self._locate_one(location, value, folder)

    def _locate_one(self, location: Location, text: str, folder: Path | None) -> str:
        if location.refuses(text):
            raise ValueError(f"expected a file or folder of this machine, got {text}: download it first")
        return location.absolute(text, folder) if folder else text

    def _validate(self, raw: Any) -> Any:
        from pydantic import ValidationError

        adapter = _adapter(self.annotation)
        try:
            if isinstance(raw, str) and self.is_list:
                return adapter.validate_python(_split(raw), strict=True)
            if isinstance(raw, str):
                return adapter.validate_strings(raw)
            return adapter.validate_python(tuple(raw) if isinstance(raw, list) else raw, strict=True)
        except (ValidationError, RecursionError):
            raise ValueError(f"expected {self.expected}, got {self._rejected(raw)}") from None

    def _rejected(self, raw: Any) -> str:
        """The wrong value, of a list its wrong items, with the choice that is nearest."""
        items = _split(raw) if isinstance(raw, str) and self.is_list else raw
        if self.choices and isinstance(items, list | tuple):
            return ", ".join(self._rejected_item(item) for item in items if item not in self.choices)
        return self._rejected_item(raw)

    def _rejected_item(self, raw: Any) -> str:
        near = get_close_matches(raw, self.choices, n=1) if isinstance(raw, str) else []
        return _quoted(raw) + (f" (did you mean '{near[0]}'?)" if near else "")


class Fault(NamedTuple):
    """What is wrong with one setting.

    Attributes:
        field: its name below the settings class.
        problem: what was expected, what came, what to do.
    """

    field: str
    problem: str


def refused(field: str, rule: Callable[..., Any], *arguments: Any) -> Iterator[Fault]:
    """The fault of a field where ``rule`` raises a RegroundError; none where it passes."""
    try:
        rule(*arguments)
    except RegroundError as error:
        yield Fault(field, str(error))


def raise_faults(name: str, faults: Sequence[Fault]) -> None:
    """Refuse settings that have faults.

    Args:
        name: of the step.
        faults: none: nothing happens.

    Raises:
        UsageError: one line for each fault.
    """
    if faults:
        raise UsageError("\n".join(f"{name}.{fault.field}: {fault.problem}" for fault in faults))


@functools.cache
def fields(cls: type[Any]) -> tuple[SettingField, ...]:
    """Every setting of a settings class, in order."""
    return tuple(_fields(cls, cls(), ""))


def _fields(cls: type[Any], defaults: Any, prefix: str) -> Iterator[SettingField]:
    hints = typing.get_type_hints(cls, include_extras=True)
    texts = _help(cls)
    for field in dataclasses.fields(cls):
        annotation, default = hints[field.name], getattr(defaults, field.name)
        if dataclasses.is_dataclass(default):
            yield from _fields(type(default), default, f"{prefix}{field.name}.")
        else:
            bare = _bare(annotation)
            yield SettingField(
                prefix + field.name, bare, default, _choices(bare), texts.get(field.name, ""), annotation
            )


def type_faults(settings: Any) -> Iterator[Fault]:
    """The fields of a settings object whose values are of another type, or out of bounds."""
    for field in fields(type(settings)):
        value = functools.reduce(getattr, field.name.split("."), settings)
        try:
            field.parse(value)
        except ValueError as error:
            yield Fault(field.name, str(error))


def build(cls: type[S], values: Mapping[str, Any], prefix: str = "") -> S:
    """An instance of a settings class.

    Args:
        cls: the class.
        values: dotted name -> value, of the fields that differ from their default.
        prefix: that the names begin with.
    """
    chosen: dict[str, Any] = {}
    defaults = cls()
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name, default = prefix + field.name, getattr(defaults, field.name)
        nested = dataclasses.is_dataclass(default)
        chosen[field.name] = build(type(default), values, f"{name}.") if nested else values.get(name, default)
    return cls(**chosen)


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else annotation


def _choices(bare: Any) -> tuple[str, ...]:
    item = _bare(get_args(bare)[0]) if get_origin(bare) is tuple else bare
    return get_args(item) if get_origin(item) is Literal else ()


def _bounds(annotation: Any) -> str:
    """`` from 0 to 1``, `` of at least 1``; empty where every value will do."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    metadata = getattr(annotation, "__metadata__", ())
    bounds = {sign: value for one in metadata for sign in words if (value := getattr(one, sign, None)) is not None}
    if bounds.keys() == {"ge", "le"}:
        return f" from {bounds['ge']:g} to {bounds['le']:g}"
    if bounds.keys() == {"gt", "lt"}:
        return f" between {bounds['gt']:g} and {bounds['lt']:g}, both excluded"
    return "".join(f", {words[sign]} {value:g}" for sign, value in bounds.items())


def _help(cls: type[Any]) -> dict[str, str]:
    from docstring_parser import DocstringStyle, parse

    parsed = parse(cls.__doc__ or "", style=DocstringStyle.GOOGLE)
    return {param.arg_name: " ".join((param.description or "").split()) for param in parsed.params}


def _check_unicode(value: Any) -> None:
    """Names of files may be any bytes; what is remembered of them is text."""
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"expected text in UTF-8, got {_quoted(value)}: a file of that name needs another") from None


def _split(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _quoted(raw: Any) -> str:
    try:
        text = repr(raw)
    except RecursionError:
        text = f"a {type(raw).__name__} nested too deeply"
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}..."


@functools.cache
def _adapter(annotation: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))
