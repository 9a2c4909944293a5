"""ImageFolder: photographs in a folder by main label, under safe names."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from reground.tasks.export import file_names as names
from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace
from tests.support.export_world import (
    CHANGED,
    EMPTY,
    EXTENDED,
    ODD,
    UNREVIEWED,
    answers,
    bytes_of,
    export,
    image_row,
    left_out,
    make_truth,
    photograph,
)
from tests.support.tables import class_row, put


def test_imagefolder_by_main_label(strange: Workspace, tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    out = export(strange, "imagefolder", tmp_path / "out")
    read = ImageFolder(str(out / "val"))
    found = {Path(path).stem: (read.classes[label], Path(path).read_bytes()) for path, label in read.samples}
    wnids = {row["class_idx"]: row["wnids"][0] for row in load_classes()}
    main = {EXTENDED: 1, UNREVIEWED: 2, CHANGED: 208, ODD: 281}
    content = bytes_of(strange)
    assert found == {names.stem(name): (wnids[label], content[name]) for name, label in main.items()}
    assert left_out(out) == {EMPTY: "settled: no label holds"}
    with (out / "classes.csv").open(newline="") as handle:
        assert {row["folder"]: int(row["class_idx"]) for row in csv.DictReader(handle)}[wnids[208]] == 208


def test_a_tied_main_label_names_no_folder_and_is_marked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "classes", load_classes())
    put(workspace, "images", [image_row(tmp_path / "photographs", EXTENDED, 0, 1)])
    put(workspace, "votes", answers(EXTENDED, [[0, 1], [0, 1], [0, 1], [1, 0], [1], [1]], [0, 1]))
    make_truth(workspace)
    (row,) = workspace.read("truth")[["main_label", "main_tied"]].to_dict("records")
    assert row == {"main_label": 0, "main_tied": True}
    out = export(workspace, "imagefolder", tmp_path / "out")
    wnids = {row["class_idx"]: row["wnids"][0] for row in load_classes()}
    assert [path.parent.name for path in out.glob("val/*/*")] == [wnids[1]]
    with (out / "states.csv").open(newline="") as handle:
        assert [(row["main_label"], row["main_tied"]) for row in csv.DictReader(handle)] == [("0", "True")]


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
