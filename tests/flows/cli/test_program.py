"""The program as a process: its exit status, whatever readers and native threads do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reground.tasks.workspace import Workspace
from tests.support.needs import ROOT
from tests.support.tables import class_row, put

PROGRAM = [sys.executable, "-m", "reground"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(("words", "status"), [(["--version"], 0), (["status", "-w", "/none"], 1), (["indx"], 2)])
def test_exit_status(words: list[str], status: int) -> None:
    assert run(*words).returncode == status


@pytest.mark.parametrize(
    ("number", "status", "message"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_command_that_a_signal_ends(tmp_path: Path, number: signal.Signals, status: int, message: str) -> None:
    holder = Workspace(tmp_path)
    with holder.lock("a test", wait=False):
        # It waits for the workspace, which is held here.
        waiting = subprocess.Popen(
            [*PROGRAM, "votes", "import", "f.csv", "-w", str(tmp_path), "--format", "csv"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr and "waiting for" in waiting.stderr.readline()
        waiting.send_signal(number)
        rest = waiting.stderr.read()
    assert waiting.wait() == status and message in rest


def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path) -> None:
    put(Workspace(tmp_path), "classes", [class_row(number, "a name of some length") for number in range(20_000)])
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*PROGRAM, "table", "classes", "-w", str(tmp_path), "--limit", "0"],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    assert process.stderr and (process.wait(), process.stderr.read()) == (0, "")


ABORTS = """
import atexit, ctypes, os, sys
import reground.flows.cli
main = sys.modules['reground.flows.cli.main']
libc = ctypes.CDLL(None)
libc.__cxa_atexit(libc.abort, None, None)  # as a native thread does that still runs when libraries are torn down

def command(argv=None):
    atexit.register(print, "closed")
    print("unflushed", end=" ")
    return {status}

main.main = command
"""


def end_with(status: int, last_line: str) -> subprocess.CompletedProcess[str]:
    code = ABORTS.format(status=status) + last_line
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("status", [0, 1, 2, 130])
def test_native_code_that_aborts_at_exit_does_not_change_the_status(status: int) -> None:
    ended = end_with(status, "main.program()")
    assert (ended.returncode, ended.stdout) == (status, "unflushed closed\n")


def test_the_planted_abort_does_abort() -> None:
    assert end_with(0, "sys.exit(main.main())").returncode == -signal.SIGABRT


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("None", 0), ("3", 3), ("'why'", 1)])
def test_a_library_that_ends_the_process_says_its_status(code: str, status: int) -> None:
    script = (
        "import importlib, sys; module = importlib.import_module('reground.flows.cli.main'); "
        f"module.main = lambda: sys.exit({code}); module.program()"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True).returncode == status
