"""The program ``reground``. Only what every command needs is imported here: help must be quick."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NoReturn

from cyclopts import CycloptsError

from reground.flows.cli.app import build
from reground.flows.cli.wrong_use import describe
from reground.tasks import console
from reground.tasks.cores import wait_passively
from reground.tasks.errors import RegroundError, UsageError

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        build().meta(words)
    except CycloptsError as error:
        return _fail(describe(error), WRONG_USE)
    except UsageError as error:
        return _fail(str(error), WRONG_USE, words)
    except RegroundError as error:
        return _fail(str(error), FAILED, words)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command continues", INTERRUPTED)
    except BrokenPipeError:  # whoever reads has read enough, as in `reground table truth -w W | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def program() -> NoReturn:
    """Run the command of this process's arguments and end the process with its exit status.

    Threads of native libraries may still run when the interpreter finalizes; one that then wants the
    interpreter's lock aborts the process. So it ends before that, when every function registered with `atexit`
    has run: the first to be registered is the last to be called.
    """
    wait_passively()
    exit_on_sigterm()
    status = FAILED

    def leave() -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(status)

    atexit.register(leave)
    sys.excepthook = _show_exception
    try:
        status = main()
    except SystemExit as stop:  # on SIGTERM, or of a library
        status = stop.code if isinstance(stop.code, int) else FAILED if stop.code else DONE
        if status == TERMINATED:
            _fail("terminated; the same command continues", status)
    sys.exit(status)


def exit_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does, with its cleaning up, and with exit status 143."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, leave)


def _show_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    console.write("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"), sys.stderr)


def _fail(message: str, status: int, words: Sequence[str] = ()) -> int:
    if {"-v", "--verbose"} & set(words):
        console.write(traceback.format_exc().rstrip("\n"), sys.stderr)
    console.write(f"reground: {message}", sys.stderr)
    return status


if __name__ == "__main__":
    program()
