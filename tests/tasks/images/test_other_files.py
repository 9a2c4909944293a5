"""Files among the images that do not claim to be images: sidecars, other workspaces, own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.images.index import IndexSettings
from reground.tasks.workspace import Workspace
from tests.support.indexing import CAT, DOG, index, photo, put, run, two_images


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return two_images(tmp_path)


def test_files_beside_the_images_are_counted_but_are_no_failure(tmp_path: Path, two: Path):
    names = ("notes.txt", "rex.json", "rex.xml", "README", "data.npy", "deep/list.csv")
    for name in names:
        put(two / DOG / name, "x")
    for name in (".DS_Store", "Thumbs.db", "._rex.png", "desktop.ini"):
        put(two / DOG / name, "x")
    images, dropped = index(tmp_path, two, max_dropped=0.0)
    assert list(images.index) == ["rex", "tom"]
    assert dropped == {Path(name).name: "other_file" for name in names}


def test_other_workspaces_among_the_images_are_left_out(tmp_path: Path, two: Path):
    for place in (two / "first", two / DOG / "second"):
        run(Workspace(place), IndexSettings(str(two), max_dropped=0.0))
        put(place / "files" / "picture.png", photo(9))
    (two / "link").symlink_to(two / "first")
    images, dropped = index(tmp_path, two, max_dropped=0.0)
    assert (list(images.index), dropped) == (["rex", "tom"], {})


def test_a_class_called_like_a_folder_of_a_workspace(tmp_path: Path):
    root = tmp_path / "images"
    put(root / "manifest" / "a.png", photo(1))
    put(root / "tables" / "b.png", photo(2))
    classes = put(tmp_path / "classes.csv", "class_idx,name\n0,manifest\n1,tables\n")
    images, _ = index(tmp_path, root, classes=str(classes))
    assert images["class_idx"].to_dict() == {"a": 0, "b": 1}


def test_a_workspace_and_own_files_among_the_images_are_no_images(two: Path):
    workspace = Workspace(two / "work")
    classes = put(two / "classes.csv", f"class_idx,name,wnids\n0,dog,{DOG}\n1,cat,{CAT}\n")
    settings = IndexSettings(str(two), classes=str(classes), max_dropped=0.0)
    assert run(workspace, settings) == ["classes", "all"]
    assert run(workspace, settings) == []
    assert workspace.read("dropped").empty
