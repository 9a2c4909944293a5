"""Folders that are not in the released layout, and tables beside the images that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.imagenet9.step import STEP, Imagenet9Settings
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Workspace, todo
from tests.support.released_data import SIDE, published


def add_class(folder: Path) -> None:
    for name in (*VARIANTS, "fg_mask"):
        (folder / name / "val" / "09_mushroom").mkdir()


def lose_class(folder: Path) -> None:
    for name in (*VARIANTS, "fg_mask"):
        (folder / name / "val" / "03_reptile").rmdir()


def lower(folder: Path) -> None:
    aside = folder.rename(folder.parent / "aside")
    folder.mkdir()
    aside.rename(folder / "sub")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing there": (lambda folder: folder.rename(folder.parent / "elsewhere"), r"original/val/00_dog.*found nothing"),
    "one level too high": (
        lambda folder: [
            folder.rename(folder.parent / "x"),
            folder.mkdir(),
            (folder.parent / "x").rename(folder / "sub"),
        ],
        r"found sub\. Give the folder that contains 'original'",
    ),
    "a class too many": (add_class, r"expected 9 class folders .* found 10: .*09_mushroom.*groups\.csv"),
    "a class too many in one set": (
        lambda folder: (folder / "mixed_rand" / "val" / "04_zebra").mkdir(),
        r"mixed_rand/val the class folders of original.*Extra: 04_zebra; missing: none",
    ),
    "a class missing from the masks": (
        lambda folder: (folder / "fg_mask" / "val" / "03_reptile").rmdir(),
        r"fg_mask/val.*missing: 03_reptile",
    ),
    "a class missing everywhere": (lose_class, r"numbered from 0 without gaps .* '04_carnivore' at position 3"),
    "groups of another vocabulary": (
        lambda folder: (folder / "groups.csv").write_text("group,name,class_idx\n0,Dog,1000\n"),
        r"groups\.csv, line 2: expected a class_idx of the vocabulary, found 1000",
    ),
    "a class in two groups": (
        lambda folder: (folder / "groups.csv").write_text("group,name,class_idx\n0,Dog,1\n1,Cat,1\n"),
        r"groups\.csv, line 3: expected each class in one group",
    ),
    "a group with two names": (
        lambda folder: (folder / "groups.csv").write_text("group,name,class_idx\n0,Dog,1\n0,Cat,2\n"),
        r"groups\.csv, line 3: expected one name per group",
    ),
    "no groups": (lambda folder: (folder / "groups.csv").write_text("group,name,class_idx\n"), "at least one class"),
    "classes that are none": (lambda folder: (folder / "classes.csv").write_text("id\n1\n"), "class_idx, name"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_such_layout_is_refused(what, tmp_path):
    folder = published(tmp_path / "bg_challenge")
    break_it, said = WRONG[what]
    break_it(folder)
    with pytest.raises(UsageError, match=said):
        todo(STEP, Workspace(tmp_path / "w"), Imagenet9Settings(str(folder), SIDE))


def test_no_folder_named(tmp_path):
    with pytest.raises(UsageError, match="`reground imagenet9 import FOLDER"):
        todo(STEP, Workspace(tmp_path / "w"), Imagenet9Settings())


GOOD = "original/val/00_dog/a.JPEG,a,151,0,,,0"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("original/val/00_dog/a.JPEG,a,1000,0,,,0", "expected a class_idx of the vocabulary, found 1000"),
        ("original/val/00_dog/a.JPEG,a,-1,0,,,0", "expected class_idx to be a whole number"),
        ("original/val/00_dog/a.JPEG,a,151,,,,0", "expected group to be a whole number"),
        ("original/val/00_dog/a.JPEG,../a,151,0,,,0", "expected an image_id without '/'"),
        ("original/val/00_dog/a.JPEG,,151,0,,,0", "expected an image_id without '/', found ''"),
        ("original/val/00_dog/a.JPEG,a,151,0,b/c,0,0", "expected an background_id without '/'"),
        ("original/val/00_dog/a.JPEG,a,151,0,b,x,0", "expected background_group to be a whole number"),
        ("original/val/00_dog/a.JPEG,a,151,0,b,0,9223372036854775808", "expected seed to be a whole number"),
        ("original/val/00_dog/a.JPEG,a,151,8,,,0", "with the class folder of group 8"),
        ("a.JPEG,a,151,0,,,0", "expected a path SET/val/CLASS/FILE"),
        (f"{GOOD}\n{GOOD}", "line 3: expected each path once"),
        ("original/val/00_dog/a.JPEG,a", "expected 7 cells"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(line, said, tmp_path):
    folder = published(tmp_path / "bg_challenge")
    header = "path,image_id,class_idx,group,background_id,background_group,seed"
    (folder / "metadata.csv").write_text(f"{header}\n{line}\n")
    with pytest.raises(UsageError, match=r"metadata\.csv, line [23]: ") as error:
        todo(STEP, Workspace(tmp_path / "w"), Imagenet9Settings(str(folder), SIDE))
    assert said in str(error.value)
