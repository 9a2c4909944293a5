"""What all formats share: the same bytes, what is left out, and what a failed or killed export leaves."""

from __future__ import annotations

import errno
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reground.annotations.published import import_votes
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.export.export import FORMATS, LABELS, PICTURES
from reground.tasks.images import load_classes
from reground.tasks.workspace import Output, Workspace, lock
from tests.support.export_world import (
    EXTENDED,
    answers,
    bytes_of,
    export,
    image_row,
    left_out,
    make_truth,
    photograph,
)
from tests.support.needs import ROOT
from tests.support.published_answers import multilabel
from tests.support.tables import put


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("to_format", [*LABELS, *PICTURES])
def test_the_same_truth_gives_the_same_bytes(strange: Workspace, tmp_path: Path, to_format: str) -> None:
    one = files(export(strange, to_format, tmp_path / "one"))
    assert one == files(export(strange, to_format, tmp_path / "other")) and one.keys() >= {"DATA_CARD.md"}


@pytest.mark.parametrize("to_format", PICTURES)
def test_an_image_that_is_gone_is_named(workspace: Workspace, tmp_path: Path, to_format: str) -> None:
    (tmp_path / "photographs" / f"{EXTENDED}.JPEG").unlink()
    with pytest.raises(RegroundError, match=r"val_00000003\.JPEG.*bring the image back"):
        export(workspace, to_format, tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_an_image_that_has_changed_is_named(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "photographs" / f"{EXTENDED}.JPEG").write_bytes(photograph(99))
    with pytest.raises(RegroundError, match=r"val_00000003\.JPEG as it was indexed.*has changed"):
        export(workspace, "webdataset", tmp_path / "out")


@pytest.mark.parametrize("to_format", PICTURES)
def test_a_workspace_without_images_says_what_it_can_do(tmp_path: Path, to_format: str) -> None:
    workspace = Workspace(tmp_path / "w")
    import_votes(workspace, "imagenet-multilabel", multilabel(tmp_path / "published"))
    make_truth(workspace)
    with pytest.raises(RegroundError, match=f"{to_format} holds photographs.*labels alone: real, imagenet-multilabel"):
        export(workspace, to_format, tmp_path / "out")
    assert len(json.loads((export(workspace, "real", tmp_path / "real") / "real.json").read_text())) == 50_000


def test_what_is_left_out_is_listed_with_its_reason(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "votes", answers("elsewhere", [[1]] * 5, [1]))
    make_truth(workspace)
    later = [image_row(tmp_path / "photographs", "later", 5, 5)]
    workspace.commit("later", "0000", "1" * 32, Output({"images": later}))
    out = export(workspace, "parquet", tmp_path / "out")
    assert left_out(out) == {
        "elsewhere": "no photograph at hand",
        "later": "indexed after the truth was made: run `reground truth` again",
    }
    assert (
        "- left out of this export: 1 (no photograph at hand); see left_out.csv" in (out / "DATA_CARD.md").read_text()
    )


def test_an_interrupted_export_leaves_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(data: object, out: Path, only: object) -> None:
        (out / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(FORMATS, "real", full)  # type: ignore[arg-type]
    with pytest.raises(RegroundError, match="No space left"):
        export(workspace, "real", tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


FULL = """
import resource, sys
from pathlib import Path
from reground.tasks.errors import RegroundError
from reground.tasks.export.export import LABELS, PICTURES, export
from reground.tasks.workspace import Workspace
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
for to_format in (*LABELS, *PICTURES):
    try:
        export(Workspace(sys.argv[1]), to_format, Path(sys.argv[2]))
    except RegroundError as error:
        print(to_format, error)
"""


def test_where_nothing_more_can_be_written_nothing_is_left(workspace: Workspace, tmp_path: Path) -> None:
    """Files may not grow beyond 700 bytes: whatever writes a format meets the end of the room."""
    out = tmp_path / "exports" / "out"
    words = [sys.executable, "-c", FULL, workspace.url, str(out)]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split()[0] for line in said] == [*LABELS, *PICTURES]
    assert all("File too large" in line and "Nothing was left" in line for line in said), said
    assert list(out.parent.iterdir()) == []


def test_classes_that_are_gone_are_named(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "classes", load_classes()[:2])
    with pytest.raises(RegroundError, match=r"among the 2 classes, found 2: the classes have changed"):
        export(workspace, "parquet", tmp_path / "out")


KILLED = """
import os, signal, sys
from pathlib import Path
from reground.tasks.export.export import FORMATS, export
from reground.tasks.workspace import Workspace
def dies(data, out, only):
    (out / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
FORMATS["real"] = dies
export(Workspace(sys.argv[1]), "real", Path(sys.argv[2]))
"""


def test_a_killed_export_is_cleared_away_by_the_next(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "exports" / "out"
    died = subprocess.run([sys.executable, "-c", KILLED, workspace.url, str(out)], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL and not out.exists()
    (half,) = out.parent.glob(".out.*.partial")
    running = half.with_name(".out.running.partial")
    running.mkdir()
    with lock.hold(running.with_name(f"{running.name}.lock"), "another export", wait=False):
        export(workspace, "real", out)
        assert {path.name for path in out.parent.iterdir()} == {"out", running.name, f"{running.name}.lock"}


def test_wrong_use(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=", ".join(sorted(FORMATS))):
        export(workspace, "tfrecord", tmp_path / "out")
    with pytest.raises(UsageError, match="has content"):
        export(workspace, "real", tmp_path)
    with pytest.raises(UsageError, match="whose images are indexed"):
        export(workspace, "real", tmp_path / "photographs" / "out")
    with pytest.raises(UsageError, match="the workspace's own"):
        export(workspace, "real", tmp_path / "w" / "tables" / "out")
    with pytest.raises(RegroundError, match="run `reground truth"):
        export(Workspace(tmp_path / "empty"), "real", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_indexed_takes_no_export(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "indexed" / "class").mkdir(parents=True)
    workspace.commit("index", "0000", "0" * 32, Output(), {"images": str(tmp_path / "indexed")})
    with pytest.raises(UsageError, match="indexed again"):
        export(workspace, "real", tmp_path / "indexed" / "out")
    rows = [image_row(tmp_path / "indexed" / name, name, 1, n) for n, name in enumerate(("one", "two"))]
    classless = Workspace(tmp_path / "unsaid")  # nobody told it what was indexed
    put(classless, "images", rows)
    with pytest.raises(UsageError, match="indexed again"):
        export(classless, "real", tmp_path / "indexed" / "out")
    (tmp_path / "empty").mkdir()
    assert export(workspace, "real", tmp_path / "empty") == tmp_path / "empty"
    assert export(workspace, "real", tmp_path / "w" / "exports" / "real").is_dir()


def test_one_photograph_is_in_memory_at_a_time(
    strange: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Workspace.read

    def read(self: Workspace, table: str, columns: list[str] | None = None):
        assert table not in ("images", "truth", "masks", "votes"), f"{table} was read whole, as a frame"
        return whole(self, table, columns)

    monkeypatch.setattr(Workspace, "read", read)
    for to_format in PICTURES:
        assert export(strange, to_format, tmp_path / to_format).is_dir()


def test_photographs_are_the_files_that_were_indexed(strange: Workspace) -> None:
    rows = strange.read("images").to_dict("records")
    assert all(hashlib.sha256(bytes_of(strange)[row["image_id"]]).hexdigest() == row["sha256"] for row in rows)
