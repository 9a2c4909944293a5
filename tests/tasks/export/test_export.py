"""Every export is read back by the library it is meant for, and compared: what all share, ImageFolder and ReaL."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reground.annotations.published import import_votes
from reground.tasks import schema
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.export import file_names as names
from reground.tasks.export.export import FORMATS, LABELS, PICTURES, export
from reground.tasks.export.real import IMAGENET_IDS
from reground.tasks.images import load_classes
from reground.tasks.workspace import Output, Workspace, lock
from tests.support.export_world import (
    CHANGED,
    EMPTY,
    EXTENDED,
    IMAGENET,
    ODD,
    STRANGE,
    UNREVIEWED,
    answers,
    bytes_of,
    image_row,
    judged,
    make_truth,
    photograph,
    truth_of,
)
from tests.support.needs import ROOT, need_package, need_shared
from tests.support.published_answers import multilabel
from tests.support.tables import class_row, put, put_truth


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return judged(tmp_path, IMAGENET)


@pytest.fixture
def strange(tmp_path: Path) -> Workspace:
    return judged(tmp_path, IMAGENET | STRANGE)


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def left_out(out: Path) -> dict[str, str]:
    if not (out / "left_out.csv").exists():
        return {}
    with (out / "left_out.csv").open(newline="") as handle:
        return {row["image_id"]: row["reason"] for row in csv.DictReader(handle)}


# ImageFolder


def test_imagefolder_by_main_label(strange: Workspace, tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    out = export(strange, "imagefolder", tmp_path / "out")
    read = ImageFolder(str(out / "val"))
    found = {Path(path).stem: (read.classes[label], Path(path).read_bytes()) for path, label in read.samples}
    wnids = {row["class_idx"]: row["wnids"][0] for row in load_classes()}
    main = {EXTENDED: 1, UNREVIEWED: 2, CHANGED: 208, ODD: 281}
    content = bytes_of(strange)
    assert found == {names.stem(name): (wnids[label], content[name]) for name, label in main.items()}
    assert left_out(out) == {EMPTY: "no label holds"}
    with (out / "classes.csv").open(newline="") as handle:
        assert {row["folder"]: int(row["class_idx"]) for row in csv.DictReader(handle)}[wnids[208]] == 208


def test_classes_whose_folders_would_meet_are_kept_apart(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    workspace = Workspace(tmp_path / "w")
    called = ["crane", "Crane", "AC/DC", "../up", "nul", "Nul.txt", " .", "x" * 300, "x" * 301, "crane~1"]
    put(workspace, "classes", [class_row(n, name) | {"wnids": []} for n, name in enumerate(called)])
    put(workspace, "images", [image_row(tmp_path / "p", f"image{n}", n, n) for n in range(len(called))])
    make_truth(workspace)
    read = ImageFolder(str(export(workspace, "imagefolder", tmp_path / "out") / "val"))
    assert sorted(Path(path).stem for path, _ in read.samples) == [f"image{n}" for n in range(len(called))]
    assert len({name.casefold() for name in read.classes}) == len(called)
    assert not (tmp_path / "up").exists()


@given(st.text(min_size=1), st.text(min_size=1))
@example("con", "CON")
@example("a.b", "a%2Eb")
@example("x" * 250, "x" * 251)
def test_names_are_safe_and_tell_keys_apart(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "ignore").decode() or "x" for text in (one, other))
    for make in (names.stem, names.folder):
        name = make(one)
        assert name.isascii() and name.isprintable() and not set(name) & set('/\\:*?"<>|')
        assert 0 < len(name) <= 200 and name[0] not in ". " and name[-1] not in ". "
        assert name.partition(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
        assert (make(other) == name) == (other == one)
    assert "." not in names.stem(one)


@given(st.dictionaries(st.integers(0, 50), st.sampled_from(["a", "A", "a~1", "A~3", "á", "b"]), max_size=12))
def test_no_two_classes_share_a_folder(classes: dict[int, str]) -> None:
    made = names.folders(classes)
    assert made.keys() == classes.keys() and len({name.casefold() for name in made.values()}) == len(classes)


def test_a_suffix_tells_the_format() -> None:
    png, jpeg = photograph(1, "PNG"), photograph(1)
    assert names.suffix("/x/a.JPEG", jpeg) == ".JPEG" and names.suffix("/x/a.png", jpeg) == ".jpg"
    assert names.suffix("/x/a", png) == ".png" and names.suffix("/x/a.avif", b"?") == ".avif"


# ReaL


def test_real_is_a_list_over_all_images_that_timm_takes(workspace: Workspace, tmp_path: Path) -> None:
    need_package("timm")
    import torch
    from timm.data.real_labels import RealLabelsImagenet

    out = export(workspace, "real", tmp_path / "out")
    labels = json.loads((out / "real.json").read_text())
    assert len(labels) == 50_000
    assert {n: found for n, found in enumerate(labels) if found} == {2: [1, 0], 49_999: [2]}
    judge = RealLabelsImagenet(
        [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001)], real_json=str(out / "real.json")
    )
    told = torch.full((50_000, 5), 9)
    told[2], told[49_999] = 1, 0
    for start in range(0, 50_000, 10_000):
        judge.add_result(torch.nn.functional.one_hot(told[start : start + 10_000, 0], 10).float())
    assert judge.get_accuracy(k=1) == 50.0


def test_real_of_an_own_vocabulary_is_in_imagenets_indices(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    classes = load_classes()
    put(workspace, "classes", [classes[7] | {"class_idx": 0}, classes[3] | {"class_idx": 1}])
    put(workspace, "images", [image_row(tmp_path / "p", EXTENDED, 0, 0), image_row(tmp_path / "p", EMPTY, 1, 1)])
    make_truth(workspace)
    labels = json.loads((export(workspace, "real", tmp_path / "out") / "real.json").read_text())
    assert (labels[2], labels[6]) == ([7], [3])


def test_real_of_other_ids_or_classes_is_keyed(strange: Workspace, tmp_path: Path) -> None:
    out = export(strange, "real", tmp_path / "out")
    expected = {name: row["labels"] for name, row in truth_of(strange).items()}
    assert json.loads((out / "real.json").read_text()) == expected and expected[CHANGED] == [208]
    assert json.loads((out / "classes.json").read_text())["208"] == load_classes()[208]["name"]
    assert "timm's RealLabelsImagenet takes only" in (out / "DATA_CARD.md").read_text()


def test_the_published_labels_come_out_as_they_were(tmp_path: Path) -> None:
    published = json.loads((need_shared("reassessed-imagenet") / "real.json").read_text())
    workspace = Workspace(tmp_path / "w")
    put(workspace, "classes", load_classes())
    put_truth(workspace, [truth_row(name, labels) for name, labels in zip(IMAGENET_IDS, published, strict=True)])
    assert json.loads((export(workspace, "real", tmp_path / "out") / "real.json").read_text()) == published


def truth_row(image_id: str, labels: list[int]) -> dict[str, Any]:
    empty: dict[str, Any] = {column.name: None for column in schema.table("truth").columns}
    empty |= {column.name: [] for column in schema.table("truth").columns if column.type.startswith("list")}
    empty |= {column.name: "" for column in schema.table("truth").columns if column.type == "string"}
    return empty | {
        "image_id": image_id,
        "labels": labels,
        "main_tied": False,
        "num_objects_tied": False,
        "votes": 0,
        "status": "settled",
    }


# What all share


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
    def full(data: object, out: Path) -> str:
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
from reground.tasks.workspace.store import Workspace
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
def dies(data, out):
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
    with pytest.raises(UsageError, match="is there already"):
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
