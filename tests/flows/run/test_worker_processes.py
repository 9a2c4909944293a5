from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import HANG, wait_until

PARENT = """
import sys, time
from pathlib import Path
from reground.flows.cli.main import exit_on_sigterm
from reground.flows.run.worker_processes import process_pool

if __name__ == "__main__":
    exit_on_sigterm()
    with process_pool(2) as pool:
        calls = [pool.submit(pow, 2, 5) for _ in range(2)] + [pool.submit(time.sleep, 3600) for _ in range(2)]
        calls[0].result()
        calls[1].result()
        Path(sys.argv[1]).touch()
        calls[2].result()
"""


PREFECT_PARENT = """
import sys, time
from pathlib import Path
from prefect import flow, task
from reground.flows.cli.main import exit_on_sigterm
from reground.flows.run import use
from reground.flows.run.local import Runner
from reground.flows.scheduled import task_pool

@task
def stay(ready):
    Path(ready).touch()
    time.sleep(3600)

@flow
def waiting(*ready):
    with task_pool(Runner("processes", 2)) as pool:
        for future in [pool.submit(stay, parameters={"ready": each}) for each in ready]:
            future.result()

if __name__ == "__main__":
    use(sys.argv[2])
    exit_on_sigterm()
    waiting(sys.argv[1], sys.argv[1] + "-too")
"""


@contextlib.contextmanager
def running(folder: Path, code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A parent whose workers are busy."""
    script, ready = folder / "parent.py", folder / "ready"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script), str(ready), *arguments], stdout=subprocess.PIPE)
    children: list[psutil.Process] = []
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        yield process
    finally:
        for child in children:
            if child.is_running():
                child.kill()
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with running(tmp_path, PARENT) as parent:
        end(parent, number)
        assert parent.returncode == status


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_of_a_flow_run_end_with_it(tmp_path: Path, prefect_api: str, number: signal.Signals) -> None:
    with running(tmp_path, PREFECT_PARENT, prefect_api) as parent:
        end(parent, number)
        assert parent.returncode != 0


def end(parent: subprocess.Popen[bytes], number: signal.Signals) -> None:
    children = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(number)
    parent.communicate(timeout=HANG)  # the pipe closes only when no worker holds it
    assert psutil.wait_procs(children, timeout=HANG)[1] == []
