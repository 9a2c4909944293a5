"""Whatever holds a token or a password is its owner's alone, in the workspace and at home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reground.annotations.label_studio import run_server
from reground.annotations.review import DATA_DIR, DOCUMENT_ROOT
from reground.flows.cli.demo import password_of
from reground.flows.run import prefect_server
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import CANDIDATES, fill, photographs

pytest_plugins = ["tests.support.label_studio_fixture"]

ANN, REC = "ann@reground.local", "rec@reground.local"


@pytest.mark.slow
def test_no_other_user_may_read_a_file_with_a_secret(
    label_studio_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, home = tmp_path / "workspace", tmp_path / "home"
    data, prefect = workspace / DATA_DIR, workspace / "prefect"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.delenv("REGROUND_LABEL_STUDIO_TOKEN", raising=False)
    fill(Workspace(workspace), CANDIDATES, photographs())
    shutil.copytree(label_studio_data, data)
    before = os.umask(0o022)
    try:
        with run_server(data, 0, workspace / DOCUMENT_ROOT) as label_studio, prefect_server(prefect) as api:
            for command in (
                ["invite", ANN],
                ["push", "--overlap", "1", "--min-grid", "99", "--prefect", api],
                ["pull", "--prefect", api],
            ):
                words = [sys.executable, "-m", "reground", "review", *command, "-w", str(workspace)]
                subprocess.run(words, check=True)
            secrets = [label_studio.credentials.token, label_studio.credentials.password]
            secrets += [password_of(data, REC), password_of(data, ANN), (workspace / "review.secret").read_text()]
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    holders = {path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)}
    kept = {data / name for name in ("credentials.json", f"password-{ANN}", f"password-{REC}", "label_studio.sqlite3")}
    kept.add(workspace / "review.secret")
    assert kept <= holders
    assert [path for path in holders if path.stat().st_mode & 0o077] == []
    servers = [path for path in files if {data, prefect} & set(path.parents)]
    assert [path for path in servers if path.stat().st_mode & 0o077 and path.parent.name != "django"] == []
    assert [path.stat().st_mode & 0o777 for path in (data, prefect)] == [0o700, 0o700]
