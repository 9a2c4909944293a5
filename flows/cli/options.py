"""Options: those that several commands share, and those made from the fields of settings.

A setting is described once, in its settings class; here its field becomes an option with its default,
choices and help. The text that comes with an option is parsed by the settings, which report the faults of
all sources at once.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter, Token

from reground.flows import steps
from reground.flows.settings import SettingField, Settings, fields

Overrides = dict[str, Any]
"""Settings that a command is given: STEP -> FIELD -> text or flag."""

WorkspaceUrl = Annotated[
    str, Parameter(name=("--workspace", "-w"), help="A folder, or the URL of an object store.", metavar="W")
]
Config = Annotated[
    Path | None,
    Parameter(name="--config", help="Settings in TOML; the workspace remembers them.", metavar="FILE"),
]
Prefect = Annotated[
    str,
    Parameter(
        name="--prefect",
        help="Run as a flow on this Prefect server; empty: without Prefect.",
        metavar="URL",
        env_var="PREFECT_API_URL",
        show_default=False,
    ),
]
Runner = Annotated[
    str | None,
    Parameter(
        name="--runner",
        help="What shards run on: threads[:N], processes[:N] or ray[:ADDRESS].",
        metavar="RUNNER",
        show_default=lambda _: "threads",
    ),
]
Columns = Annotated[
    str,
    Parameter(
        help="What the file calls its columns, as image_id=Input.image_url,label=Answer.label; its others are ignored.",
        metavar="NAME=COLUMN,...",
        show_default=False,
    ),
]
Replace = Annotated[
    bool,
    Parameter(
        help="Remove or change what an earlier import of the same name brought.", negative=(), show_default=False
    ),
]


@dataclass(frozen=True)
class SettingOption:
    """A setting as an option of one command.

    Attributes:
        step: whose setting it is.
        field: of the step's settings class.
        flag: ``--min-quality``; without dashes: a positional argument of that name.
    """

    step: str
    field: SettingField
    flag: str

    @property
    def keyword(self) -> str:
        """The function's parameter: ``masks_min_quality``; of a positional argument the name in the help."""
        name = self.field.name.replace(".", "_")
        return name if self.is_positional else f"{self.step}_{name}"

    def parameter(self) -> inspect.Parameter:
        """The option, as cyclopts reads it from a signature."""
        default_text = _default_text(self.field.default)
        arguments: dict[str, Any] = {
            "help": _sentence(self.field.help),
            "show_default": (lambda _: default_text) if default_text else False,
        }
        hint: Any = bool
        if self.field.type is not bool:
            # Choices are for help and completion: the settings check them, all faults at once.
            choices = tuple(filter(None, self.field.choices))
            hint = Literal[choices] | str if choices else str
            arguments |= {"converter": self._convert, "n_tokens": 1}
        if not self.is_positional:
            arguments |= {"name": self.flag, "group": Group(f"Settings of {self.step}", sort_key=_place(self.step))}
            arguments |= {"metavar": _metavar(self.field)} if self.field.type is not bool else {}
        kind = inspect.Parameter.POSITIONAL_ONLY if self.is_positional else inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(
            self.keyword, kind, default=None, annotation=Annotated[hint | None, Parameter(**arguments)]
        )

    @property
    def is_positional(self) -> bool:
        """Whether it is given without a flag."""
        return not self.flag.startswith("-")

    def _convert(self, tokens: Sequence[Token]) -> str:
        text = tokens[0].value
        # A workspace that remembers a file, or a worker that reads it, may be in another folder.
        return self.field.absolute(text, Path.cwd())


def takes_settings(
    *step_names: str, only: Sequence[str] = (), exclude: Sequence[str] = (), positional: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command an option for each setting of some steps; their values arrive as ``overrides``.

    Args:
        step_names: steps, and ``review``.
        only: fields, or nested classes of them, that are options; empty: all.
        exclude: fields, or nested classes of them, that are not.
        positional: field that is given without a flag.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        options = setting_options(step_names, only, exclude, positional)
        by_keyword = {option.keyword: option for option in options}

        def run(*arguments: Any, **keywords: Any) -> Any:
            values = dict(zip(positional_names, arguments, strict=False)) | keywords
            overrides: Overrides = {}
            for keyword in by_keyword.keys() & values.keys():
                value, option = values.pop(keyword), by_keyword[keyword]
                if value is not None:
                    overrides.setdefault(option.step, {})[option.field.name] = value
            return command(*arguments[len(positional_names) :], overrides=overrides, **values)

        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "overrides"]
        parameters = sorted([*own, *(option.parameter() for option in options)], key=lambda p: p.kind)
        positional_names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def setting_options(
    step_names: Sequence[str], only: Sequence[str] = (), exclude: Sequence[str] = (), positional: str = ""
) -> list[SettingOption]:
    """The options of some steps' settings, in order.

    An option is called as its field, ``--min-quality``, and where several of the steps have a field of that
    name, as step and field, ``--masks-seed``.
    """
    selected = [
        (step, field)
        for step in step_names
        for field in fields(_settings_class(step))
        if (not only or _among(field, only)) and not _among(field, exclude)
    ]
    count = Counter(field.name for _, field in selected)
    return [SettingOption(step, field, _flag(step, field.name, count, positional)) for step, field in selected]


def _flag(step: str, name: str, count: Counter[str], positional: str) -> str:
    if name == positional:
        return name.upper()
    qualified = name if count[name] == 1 else f"{step}.{name}"
    return "--" + qualified.replace(".", "-").replace("_", "-")


def _among(field: SettingField, names: Sequence[str]) -> bool:
    return field.name in names or field.name.partition(".")[0] in names


def _settings_class(step: str) -> type[Any]:
    return steps.find(step).settings if step in steps.MODULES else type(Settings().of(step))


def _metavar(field: SettingField) -> str:
    kinds = {str: "TEXT", int: "N", float: "X"}
    if field.is_list:
        return "NAME,..."
    return "CHOICE" if field.choices else kinds[field.type]


def _place(step: str) -> int:
    """Of the group of a step's settings in a help page: after the command's own options, in the steps' order."""
    names = list(steps.MODULES)
    return 1 + (names.index(step) if step in names else len(names))


def _sentence(help: str) -> str:
    """For the terminal: without markup, with a full stop, and capitalised unless a value comes first."""
    plain = help.replace("`", "").strip().rstrip(".")
    first = plain[:1] if help.startswith("`") else plain[:1].upper()
    return f"{first}{plain[1:]}."


def _default_text(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return ("yes" if default else "no") if isinstance(default, bool) else str(default)
