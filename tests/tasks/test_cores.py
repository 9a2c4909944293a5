from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reground.tasks.cores import OVERRIDES, cores, quotas
from tests.support.needs import ROOT


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, [1.5]),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, [0.5]),
        ("0::/not/mounted\n", {"cpu.max": "200000 100000\n"}, [2.0]),
        (
            "4:memory:/x\n3:cpu,cpuacct:/x\n",
            {"cpu/x/cpu.cfs_quota_us": "250000\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
            [2.5],
        ),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, []),
        ("3:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, []),
        ("0::/\n", {}, []),
    ],
)
def test_quotas(tmp_path: Path, membership: str, files: dict[str, str], expected: list[float]) -> None:
    write(tmp_path / "membership", membership)
    for name, text in files.items():
        write(tmp_path / "root" / name, text)
    assert list(quotas(tmp_path / "root", tmp_path / "membership")) == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert list(quotas(tmp_path, tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PYTHON_CPU_COUNT": "7", "OMP_NUM_THREADS": "3"}, 7),
        ({"PYTHON_CPU_COUNT": "default", "OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "5,2"}, 5),
    ],
)
def test_the_caller_sets_the_number(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: int
) -> None:
    for name in OVERRIDES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cores() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_affinity_limits_the_cores() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from reground.tasks.cores import cores; print(cores())"
    environment = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "1\n"


@pytest.mark.parametrize(("policy", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_passively_unless_the_caller_says_otherwise(policy: str | None, expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy:
        environment["OMP_WAIT_POLICY"] = policy
    code = "import reground.tasks.models, sys, os; print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == f"False {expected}\n"


def test_nothing_else_counts_cores() -> None:
    files = [path for room in ("tasks", "flows", "annotations") for path in (ROOT / room).rglob("*.py")]
    assert {path for path in files if re.search(r"cpu_count\(", path.read_text())} == {ROOT / "tasks" / "cores.py"}
