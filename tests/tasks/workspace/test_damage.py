"""Damage is noticed, named and mended; nothing outside the workspace is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Output, Workspace, repair_manifest

ROWS = [{"stage": "index", "item": f"{n:03d}", "reason": "truncated", "detail": f"{n} bytes"} for n in range(100)]
FLIPS = 840


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    entry = workspace.commit("index", "0", "k" * 32, Output({"dropped": ROWS}))
    part = entry.tables["dropped"]
    file, expected = tmp_path / part.path, workspace.read_part(part.path)
    whole, errors = file.read_bytes(), 0
    for number in range(FLIPS):
        file.write_bytes(flipped(whole, number * len(whole) * 8 // FLIPS))
        try:
            assert workspace.read_part(part.path).equals(expected)
        except RegroundError as error:
            assert "index-0." in str(error) and "reground repair" in str(error)
            errors += 1
    assert errors > FLIPS * 0.9


def test_repair_takes_off_what_is_damaged_and_nothing_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    parts = {
        shard: workspace.commit("index", shard, "k" * 32, Output({"dropped": ROWS})).tables["dropped"]
        for shard in ("cut", "gone", "flipped", "whole")
    }
    cut, gone, changed = (tmp_path / parts[name].path for name in ("cut", "gone", "flipped"))
    cut.write_bytes(cut.read_bytes()[:100])
    gone.unlink()
    changed.write_bytes(flipped(changed.read_bytes(), 999))
    with pytest.raises(RegroundError, match="reground repair"):
        workspace.read("dropped")
    assert repair_manifest(workspace) == ["index/cut", "index/flipped", "index/gone"]
    assert [entry.shard for entry in workspace.entries()] == ["whole"] and len(workspace.read("dropped")) == len(ROWS)
    assert repair_manifest(workspace) == []


def test_a_damaged_manifest_is_mended(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.commit("index", "0", "k" * 32, Output({"dropped": ROWS}))
    (file,) = (tmp_path / "manifest").glob("*.parquet")
    file.write_bytes(flipped(file.read_bytes(), 999))
    (tmp_path / "manifest" / "other").mkdir()
    again = Workspace(str(tmp_path) + "/../" + tmp_path.name)
    again._manifest.chain._contents.clear()
    with pytest.raises(RegroundError, match="a file of the manifest is damaged"):
        again.entries()
    assert repair_manifest(again) == [f"manifest/{file.name}"]
    assert again.entries() == []


def test_a_snapshot_does_not_see_what_is_written_after_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.commit("index", "0", "1" * 32, Output({"dropped": ROWS[:1]}))
    frozen = workspace.snapshot()
    workspace.commit("index", "0", "2" * 32, Output({"dropped": ROWS[:2]}))
    assert len(frozen.read("dropped")) == 1 and len(workspace.read("dropped")) == 2
