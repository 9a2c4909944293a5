"""Listing a folder: cheap, complete, and past every obstacle."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.images.listing import list_files
from tests.support.indexing import CAT, DOG, index, photo, put, two_images


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return two_images(tmp_path)


def test_a_folder_that_cannot_be_listed_at_all(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match=r"cannot be listed.*Permission denied"):
        index(tmp_path, two)


def test_links_are_followed_but_not_in_circles(tmp_path: Path, two: Path):
    put(tmp_path / "elsewhere" / "far.png", photo(7))
    (two / DOG / "linked").symlink_to(tmp_path / "elsewhere")
    (two / DOG / "loop").symlink_to(two)
    images, dropped = index(tmp_path, two)
    assert sorted(images.index) == ["far", "rex", "tom"]
    assert images.at["far", "uri"] == str(two / DOG / "linked" / "far.png")
    assert dropped == {"loop": "unreadable"}


def test_a_name_that_is_no_text(tmp_path: Path, two: Path):
    raw = os.fsencode(two / DOG) + b"/caf\xe9.png"
    Path(os.fsdecode(raw)).write_bytes(photo())
    _, dropped = index(tmp_path, two)
    assert dropped == {"caf\\xe9.png": "unreadable"}


def test_a_loop_whose_name_is_no_text(tmp_path: Path, two: Path):
    Path(os.fsdecode(os.fsencode(two / DOG) + b"/caf\xe9")).symlink_to(".")
    images, dropped = index(tmp_path, two)
    assert sorted(images.index) == ["rex", "tom"]
    assert dropped == {"caf\\xe9": "unreadable"}


def test_folders_may_be_nested_deeper_than_calls(two: Path):
    deep = two / DOG
    for _ in range(1200):
        deep /= "d"
        deep.mkdir()
    (deep / "far.png").write_bytes(photo())
    assert [found.stem for found in list_files(two)] == ["far", "rex", "tom"]
    (deep / "far.png").unlink()
    while deep.name == "d":  # pytest cannot remove folders nested as deep
        deep.rmdir()
        deep = deep.parent


def test_listing_opens_no_file(two: Path, monkeypatch: pytest.MonkeyPatch):
    def never(*_, **__):
        raise AssertionError("opened")

    monkeypatch.setattr("builtins.open", never)
    monkeypatch.setattr(Path, "open", never)
    assert [found.name for found in list_files(two)] == [f"{DOG}/rex.png", f"{CAT}/tom.png"]
