"""Faults of an object store are told as ours are; no server of a vendor is asked."""

from __future__ import annotations

import multiprocessing
import socket
import subprocess
import sys

import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.storage import open_storage


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")


def test_a_store_that_does_not_answer() -> None:
    with pytest.raises(RegroundError, match=r"s3://bucket/w does not answer: check the network"):
        open_storage("s3://bucket/w").list("manifest")


def test_a_missing_package_names_the_extra() -> None:
    code = """
import sys
sys.modules["obstore"] = None
from reground.tasks.storage import open_storage
open_storage("w")
open_storage("s3://bucket/w")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UsageError: cannot open s3://bucket/w" in run.stderr and "reground[objects]" in run.stderr


def test_a_folder_needs_no_client_of_object_stores() -> None:
    code = """
import sys
from reground.tasks.storage import open_storage
open_storage("w")
assert "obstore" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def _list(queue: multiprocessing.Queue[str]) -> None:
    try:
        open_storage("memory://forked").list()
        queue.put("listed")
    except (RegroundError, UsageError) as error:
        queue.put(str(error))


def test_a_forked_process_is_refused_and_does_not_hang() -> None:
    open_storage("memory://forked").list()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_list, args=(queue,))
    child.start()
    assert "start the process by `spawn`" in queue.get(timeout=60)
    child.join()
