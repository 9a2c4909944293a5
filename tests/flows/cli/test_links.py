"""Files given by links, as caches make them: each is read by the name that was given, not by where it leads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reground.flows.cli.main import main
from reground.flows.settings import resolve
from reground.tasks.workspace import Workspace
from tests.support.indexing import DOG, photo, put, two_images


def cached(link: Path, content: str | bytes) -> Path:
    """A link to a file whose name is a digest and has no suffix."""
    blob = put(link.parents[1] / "blobs" / f"{sum(link.name.encode()):x}", content)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(Path("..") / "blobs" / blob.name)
    return link


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image of 40 x 30 pixels in a class folder; the current folder is beside ``data``."""
    put(tmp_path / "val" / DOG / "a.jpg", photo(1, (40, 30), "JPEG"))
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_linked_list_of_images(cache: Path):
    cached(cache / "data" / "val.csv", f"path,label\n../val/{DOG}/a.jpg,{DOG}\n")
    assert main(["index", "data/val.csv", "-w", "W"]) == 0
    assert Workspace("W").read("images")["image_id"].to_list() == ["a"]


def test_linked_images_keep_their_names_and_suffixes(cache: Path):
    cached(cache / "links" / DOG / "rex.png", photo(2))
    assert main(["index", "links", "-w", "W"]) == 0
    images = Workspace("W").read("images")
    assert images[["image_id", "uri"]].to_numpy().tolist() == [["rex", str(cache / "links" / DOG / "rex.png")]]


def test_a_linked_folder_keeps_its_name(cache: Path):
    (cache / "current").symlink_to(cache / "val")
    assert main(["index", "current", "-w", "W"]) == 0
    assert Workspace("W").read("images")["uri"].to_list() == [str(cache / "current" / DOG / "a.jpg")]


def test_linked_classes_and_masks(cache: Path):
    classes = cached(cache / "data" / "classes.csv", f"class_idx,name,wnids\n0,hound,{DOG}\n")
    segmentation = [[12, 8, 28, 8, 28, 24, 12, 24]]
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [{"id": 1, "image_id": 1, "segmentation": segmentation}],
    }
    masks = cached(cache / "data" / "masks.json", json.dumps(coco))
    assert main(["index", "val", "-w", "W", "--classes", "data/classes.csv"]) == 0
    assert main(["masks", "-w", "W", "--method", "supplied:data/masks.json", "--min-quality", "0"]) == 0
    assert len(Workspace("W").read("masks")) == 1
    settings = resolve(Workspace("W"), {}).settings
    assert settings.index.classes == str(classes)
    assert settings.masks.method == f"supplied:{masks}"


def test_a_linked_network_has_its_sidecar_beside_the_link(cache: Path, capsys: pytest.CaptureFixture[str]):
    cached(cache / "data" / "net.onnx", b"no network")
    put(cache / "data" / "net.toml", "mean = [0.5, 0.5, 0.5]\nstd = [1, 1, 1]\nsize = 32\n")
    assert main(["index", "val", "-w", "W"]) == 0
    assert main(["masks", "-w", "W", "--method", "onnx:data/net.onnx"]) == 1
    assert "net.onnx" in capsys.readouterr().err


def test_a_path_through_a_parent_folder_is_short(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(cache / "data")
    assert main(["index", "../val", "-w", "W"]) == 0
    assert Workspace("W").read("images")["uri"].to_list() == [str(cache / "val" / DOG / "a.jpg")]


def test_the_parent_of_a_link_is_not_cut(cache: Path, monkeypatch: pytest.MonkeyPatch):
    two_images(cache / "far" / "deep")
    (cache / "link").symlink_to(cache / "far" / "deep" / "images")
    assert main(["index", "link/../images", "-w", "W"]) == 0
    assert Workspace("W").read("images")["image_id"].to_list() == ["rex", "tom"]
