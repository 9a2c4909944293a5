"""The workspace: what is listed exists, what is not listed does not matter."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Output, Workspace

DROPPED = {"stage": "index", "item": "a", "reason": "truncated", "detail": "12 bytes"}


def dropped(*items: str) -> Output:
    return Output({"dropped": [{**DROPPED, "item": item} for item in items]}, {"note.txt": b"hello"})


@pytest.fixture(params=["folder", "memory"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w" if request.param == "folder" else f"memory://{tmp_path.name}")


def test_what_is_committed_is_read_back(workspace: Workspace) -> None:
    workspace.commit("index", "0001", "k" * 32, dropped("b", "a"))
    workspace.commit("index", "0000", "k" * 32, dropped("c"))
    assert list(workspace.read("dropped")["item"]) == ["a", "b", "c"]
    assert workspace.tables() == ["dropped"]
    assert workspace.read_bytes("files/note.txt") == b"hello"


def test_a_table_nobody_made_is_empty_and_has_its_columns(workspace: Workspace) -> None:
    assert list(workspace.read("truth", ["image_id", "labels"]).columns) == ["image_id", "labels"]
    with pytest.raises(RegroundError, match="run `reground truth"):
        workspace.require("truth", "truth")


def test_a_new_key_replaces_the_file_and_its_entry(workspace: Workspace) -> None:
    workspace.commit("index", "0000", "1" * 32, dropped("a"))
    before = workspace.table_digest("dropped")
    workspace.commit("index", "0000", "2" * 32, dropped("b"))
    assert list(workspace.read("dropped")["item"]) == ["b"]
    assert workspace.table_digest("dropped") != before
    assert workspace.sweep() == 0
    workspace.retire("index", set())
    assert workspace.tables() == []


def test_what_is_listed_and_taken_off_while_the_workspace_is_held_leaves_no_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.commit("index", "0000", "1" * 32, dropped("a"))
    with workspace.hold("first"):
        with workspace.hold("held already"):
            workspace.commit("index", "0001", "1" * 32, dropped("b"))
        workspace.commit("index", "0002", "1" * 32, dropped("c"))
        workspace.discard("index", "0001")
        assert workspace.is_held
    assert not workspace.is_held
    assert list(workspace.read("dropped")["item"]) == ["a", "c"]
    assert len(list((tmp_path / "tables" / "dropped").iterdir())) == 2 and workspace.sweep() == 0
    assert workspace.read_bytes("files/note.txt") == b"hello"


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.commit("index", "0000", "1" * 32, dropped("a"))
    for folder, name in (
        ("tables/dropped", "index-0001.abc.parquet"),
        ("manifest", ".log-1.parquet.1-2.tmp"),
        ("files", ".report.html.1-2.tmp"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(b"half")
    (tmp_path / "files" / "mine.txt").write_bytes(b"a user's own")
    assert workspace.sweep() == 3
    assert (tmp_path / "files" / "mine.txt").exists()
    assert list(workspace.read("dropped")["item"]) == ["a"]


def test_rows_must_follow_the_plan(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(ValueError, match="expected the columns"):
        workspace.commit("index", "0", "k", Output({"dropped": [{"stage": "index"}]}))
    with pytest.raises(ValueError, match="column reason has nulls"):
        workspace.commit("index", "0", "k", Output({"dropped": [{**DROPPED, "reason": None}]}))
    with pytest.raises(UsageError, match=r"expected one of: .*annotators, .*candidates, "):
        workspace.commit("index", "0", "k", Output({"drop": []}))
    assert workspace.entries() == []


@pytest.mark.parametrize("limit", range(22))
def test_a_disk_that_is_full_from_any_write_on_loses_nothing_that_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """The workspace is held, and whoever holds it goes on after the error, and sweeps."""
    workspace = Workspace(tmp_path / "w")
    for shard in ("0000", "0001"):
        workspace.commit("index", shard, "1" * 32, dropped(f"old {shard}"))
    fsync, left = os.fsync, limit

    def full(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    failed: list[str] = []
    with workspace.hold("run"):
        monkeypatch.setattr(os, "fsync", full)
        for shard in ("0000", "0001"):
            try:
                workspace.commit("index", shard, "2" * 32, dropped(f"new {shard}"))
            except RegroundError:
                failed.append(shard)
        monkeypatch.setattr(os, "fsync", fsync)
        workspace.sweep()
    for _ in range(2):
        items = list(Workspace(tmp_path / "w").read("dropped")["item"])
        assert len(items) == 2 and all(f"new {shard}" in items for shard in ("0000", "0001") if shard not in failed)
        workspace.sweep()
    assert bool(failed) == (left < 0)


def test_a_full_disk_is_one_clear_error_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.commit("index", "0000", "1" * 32, dropped("a"))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RegroundError, match=r"No space left on device.*make room"):
        workspace.commit("index", "0000", "2" * 32, dropped("b"))
    assert list(workspace.read("dropped")["item"]) == ["a"]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    entry = workspace.commit("index", "0000", "1" * 32, dropped("a"))
    (tmp_path / entry.tables["dropped"].path).write_bytes(b"PAR1 no more")
    with pytest.raises(RegroundError, match=r"index-0000\.1+\..*parquet.*cannot be read"):
        workspace.read("dropped")


def test_files_are_parquet_for_everybody(tmp_path: Path) -> None:
    entry = Workspace(tmp_path).commit("index", "0000", "1" * 32, dropped("a"))
    assert pq.read_table(tmp_path / entry.tables["dropped"].path).to_pylist() == [DROPPED]


HOLD = """
import sys
from reground.tasks.workspace import Workspace
with Workspace(sys.argv[1]).lock("reground run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_run_says_who_holds_the_workspace_and_a_killed_holder_frees_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    try:
        with (
            pytest.raises(RegroundError, match=f"held by `reground run` .process {holder.pid} on"),
            Workspace(tmp_path).lock("reground masks", wait=False),
        ):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with Workspace(tmp_path).lock("reground masks", wait=False):
        pass


def test_one_shard_is_discarded_with_its_tables_and_the_others_stay(workspace: Workspace) -> None:
    for shard in ("a", "b"):
        workspace.commit("index", shard, "key", dropped(shard))
    workspace.discard("index", "b")
    workspace.discard("index", "never there")
    assert workspace.read("dropped")["item"].tolist() == ["a"] and workspace.sweep() == 0


def test_threads_that_each_hold_for_a_moment_list_and_take_off_at_once(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        workspace = Workspace(tmp_path / "w")
        try:
            for turn in range(40):
                workspace.commit(f"step-{number}", "0000", f"{turn:032d}", Output({}))
                workspace.discard(f"step-{number}", "0000")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and Workspace(tmp_path / "w").entries() == []


def test_the_manifest_counts_rows_of_tables_that_say_by_what(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    rows = [{"stage": "index", "item": item, "reason": reason, "detail": ""} for item, reason in zip("abc", "xyx")]
    workspace.commit("index", "all", "k", Output({"dropped": rows}))
    ((_, part),) = Workspace(tmp_path / "w").parts("dropped")
    assert part.counts == ((("index", "x"), 2), (("index", "y"), 1))
