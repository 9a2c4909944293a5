"""Damaged files of every kind: an error for people to read or a result, never a crash, and within limits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.needs import ROOT


@pytest.mark.parametrize("count", [10, pytest.param(60, marks=pytest.mark.long)])
def test_damaged_files_are_refused_or_read_within_limits(count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.mutation", "1", str(count)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = json.loads(done.stdout)
    assert outcomes["failures"] == []
    assert outcomes["refused"] > count and outcomes["read"] > count
