from __future__ import annotations

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


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script, ready = tmp_path / "parent.py", tmp_path / "ready"
    script.write_text(PARENT)
    process = subprocess.Popen([sys.executable, str(script), str(ready)], stdout=subprocess.PIPE)
    children: list[psutil.Process] = []
    try:
        wait_until(ready.exists)
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
def test_workers_end_with_their_parent(parent: subprocess.Popen[bytes], number: signal.Signals, status: int) -> None:
    children = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(number)
    parent.communicate(timeout=HANG)  # the pipe closes only when no worker holds it
    assert parent.returncode == status
    assert psutil.wait_procs(children, timeout=HANG)[1] == []
