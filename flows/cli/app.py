"""The contents page of the command line: every command, in the order of the help.

A command is one file, which loads when its command is used: its options, its action and its examples.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Group, Parameter

from reground.flows.cli.examples import examples
from reground.flows.cli.words import commands_first
from reground.tasks.errors import UsageError

COMMANDS: Final[dict[str, dict[str, str]]] = {
    "Pipeline": {
        "run": "Run every step in order: all that can be done now.",
        "index": "List and check a folder (or CSV) of labelled images.",
        "facts": "Digest and hash every photograph; measure its colour, sharpness and exposure.",
        "masks": "Make foreground masks.",
        "variants": "Make the eight background variants of ImageNet-9.",
        "predict": "Predict the top-5 of every model on photographs and variants; `predict import` reads a file.",
        "neighbours": "Find the most similar photographs of each, by the features of a model.",
        "candidates": "Collect labels worth asking about, with reasons.",
        "truth": "Turn votes into labels with confidence; `truth import` reads published ones, `truth diff` compares.",
        "needs_vote": "Rank questions by what one more answer is expected to tell.",
        "suspects": "Find what a person should look at first: label errors, duplicates, outliers.",
        "class_pairs": "Compare classes that models confuse or people accept together.",
        "evaluate": "Measure every model, each number with its n and interval.",
        "report": "Write one HTML page with the photographs.",
    },
    "On request": {
        "adversarial": "Search the backgrounds that fool a model, foreground by foreground.",
        "imagenet9": "Import variants in the layout of the released ImageNet-9 data.",
    },
    "People": {
        "review": "Ask people in Label Studio and collect their answers.",
        "gold": "Import known answers, to hide among the questions.",
        "votes": "Import votes that others have published.",
    },
    "Results": {
        "status": "Show what is done, what is open and what waits for people.",
        "repair": "Take damaged files off the manifest, so that the next run makes them anew.",
        "table": "Print a table, or write it to a file.",
        "export": "Export a cleaned evaluation set in the format of another project.",
    },
    "Workspace and machine": {
        "settings": "Show every setting, its value and its source; `settings unset` takes one back.",
        "serve": "Serve schedules on this machine: collect votes, evaluate again.",
        "demo": "Run the whole pipeline on 20 packaged photographs, Label Studio included.",
        "doctor": "Show what is installed, what can be reached, and how fast this machine is.",
        "completion": "Print or install shell completion.",
    },
}
"""Title of a group -> its commands, each with its summary; a command's module has its name."""

OUTPUT: Final = Group("Output", sort_key=90)
HELP: Final = Group("Help", sort_key=91)


def _flag(*names: str, help: str) -> Any:
    return Parameter(name=names, help=help, negative=(), group=OUTPUT, show_default=False)


Tokens = Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]
Json = Annotated[bool, _flag("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, _flag("--quiet", "-q", help="Print errors and the result only.")]
Verbose = Annotated[bool, _flag("--verbose", "-v", help="Print log lines too, and the traceback of an error.")]


def build() -> App:
    """The whole command line; no command's module is loaded."""
    app = App(
        "reground",
        help="Re-ground image-classification benchmarks: background variants, candidate labels, people's votes, "
        "multi-label truth, evaluation.",
        help_epilogue=examples(
            "reground run IMAGES -w W --boxes BOXES    # all that can be done now",
            "reground review push -w W                 # ask people",
            "reground status -w W",
            "reground masks --help                     # options of one command",
        ),
        help_format="plaintext",
        version=_version,
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    app.meta.suppress_keyboard_interrupt = False
    for number, (title, commands) in enumerate(COMMANDS.items()):
        group = Group(title, sort_key=number)
        for place, (name, summary) in enumerate(commands.items()):
            app.command(f"{__package__}.{name}:app", name=name, help=summary, group=group, sort_key=place)
    for flag in ("--help", "--version"):
        app[flag].group = HELP

    @app.meta.default
    def launch(*tokens: Tokens, json: Json = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
        command, bound, _ = app.parse_args(commands_first(app, tokens))
        if command in (app.help_print, app.version_print):
            command(*bound.args, **bound.kwargs)
            return
        from reground.flows.run import listen
        from reground.tasks.console import guard_logs

        _refuse_urls(bound.arguments.values())
        guard_logs()
        listen(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
        command(*bound.args, **bound.kwargs).print(json, quiet)

    return app


def parse(words: Sequence[str]) -> dict[str, Any]:
    """The arguments of a command line, by the parameters of the command's function; runs nothing.

    Raises:
        CycloptsError: the words fit no command's arguments.
        UsageError: no such command.
    """
    app = build()
    _, launched, _ = app.meta.parse_args(list(words))
    _, bound, _ = app.parse_args(commands_first(app, launched.args))
    return bound.arguments


def _refuse_urls(arguments: Iterable[Any]) -> None:
    """Raises:
    UsageError: a file or folder that has to be on this machine is named by the URL of an object store.
    """
    from reground.tasks.storage import is_url

    for path in arguments:
        text = str(path).replace(":/", "://", 1)  # a path has no empty parts
        if isinstance(path, Path) and is_url(text):
            raise UsageError(
                f"expected a file or folder of this machine, got {text}: download it first, or write to a folder of "
                "this machine and upload that."
            )


def _version() -> str:
    return f"reground {importlib.metadata.version('reground')}"
