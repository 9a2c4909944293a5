"""What is wrong with a command line, in words."""

from __future__ import annotations

from cyclopts import CycloptsError
from cyclopts.exceptions import MissingArgumentError, RepeatArgumentError, UnknownOptionError, UnusedCliTokensError


def describe(error: CycloptsError) -> str:
    """One sentence, and where to read on."""
    error.verbose = False
    command = " ".join(("reground", *(error.command_chain or ())))
    return f"{_sentence(error)}\nSee `{command} --help`."


def _sentence(error: CycloptsError) -> str:
    match error:
        case UnknownOptionError():
            return _shared_option(error) or str(error)
        case UnusedCliTokensError(unused_tokens=[word, *_]):
            return f"Unexpected argument: {word}."
        case MissingArgumentError(keyword=str(option)):
            return f"Expected a value after {option}."
        case MissingArgumentError(argument=argument) if argument is not None:
            return f"Expected {' or '.join(argument.names)}, which the command needs."
        case RepeatArgumentError(token=token):
            return f"Expected {token.keyword} once, got it several times."
    return str(error)


def _shared_option(error: UnknownOptionError) -> str:
    """For ``run --seed``: the options of the steps that have such a setting."""
    option = error.token.keyword or error.token.value
    names = [name for argument in error.argument_collection for name in argument.names]
    matches = [name for name in names if name.startswith("--") and name.endswith(option[1:])]
    return f"Unknown option: {option}. Several steps have it: {', '.join(matches)}." if len(matches) > 1 else ""
