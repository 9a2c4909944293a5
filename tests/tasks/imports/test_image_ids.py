"""Which image a file means: ids, paths and URLs, and what leaves several open."""

from __future__ import annotations

import pytest

from reground.tasks.errors import UsageError
from reground.tasks.imports import ImageMatcher, ImageMatchError

BY_STEM = ["a", "b.v2", "n01440764_tench", "café"]
BY_PATH = ["val__n01440764__a", "val__n01440764__b", "train__n01440764__b"]


@pytest.mark.parametrize(
    ("text", "image_id"),
    [
        ("a", "a"),
        (" a ", "a"),
        ("a.JPEG", "a"),
        ("a.jpg", "a"),
        ("val/n01440764/a.JPEG", "a"),
        ("/abs/olute/a.png", "a"),
        ("C:\\data\\val\\a.jpg", "a"),
        ("https://host.example/x/a.jpg?signature=b.jpg#c", "a"),
        ("s3://bucket/a.jpeg", "a"),
        ("b.v2", "b.v2"),
        ("b.v2.jpg", "b.v2"),
        ("cafe\u0301.jpg", "café"),
    ],
)
def test_ids_by_stem(text: str, image_id: str) -> None:
    assert ImageMatcher(BY_STEM).match(text) == image_id


@pytest.mark.parametrize(
    ("text", "image_id"),
    [
        ("val__n01440764__a", "val__n01440764__a"),
        ("val/n01440764/a.JPEG", "val__n01440764__a"),
        ("/data/val/n01440764/b.JPEG", "val__n01440764__b"),
        ("n01440764/a.JPEG", "val__n01440764__a"),
        ("a", "val__n01440764__a"),
        ("val/n01440764/b", "val__n01440764__b"),
    ],
)
def test_ids_by_path(text: str, image_id: str) -> None:
    assert ImageMatcher(BY_PATH).match(text) == image_id


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b.JPEG", "'b.JPEG' names several images: train__n01440764__b, val__n01440764__b"),
        ("n01440764/b", "names several images"),
        ("c", "no image c"),
        ("test/n01440764/a.JPEG", "no image test"),  # another folder: another image
        ("", "no image"),
        ("/", "no image"),
        ("a.v2", "no image"),  # no suffix of an image
    ],
)
def test_texts_that_name_no_image_or_several(text: str, message: str) -> None:
    with pytest.raises(ImageMatchError, match=message):
        ImageMatcher(BY_PATH).match(text)


def test_without_images_the_name_is_the_id() -> None:
    matcher = ImageMatcher(None)
    assert [matcher.match(text) for text in ("x", "x.JPEG", "val/y.png", "z.v2")] == ["x", "x", "y", "z.v2"]
    matcher.check_folders("votes.csv")


@pytest.mark.parametrize("image_ids", [None, ["a"]])
def test_two_folders_with_an_image_of_one_name_are_told(image_ids: list[str] | None) -> None:
    matcher = ImageMatcher(image_ids)
    assert [matcher.match(text) for text in ("a.jpg", "x/a.jpg", "x/a.JPEG")] == ["a", "a", "a"]
    matcher.check_folders("votes.csv")
    matcher.match("y/a.jpg")
    with pytest.raises(UsageError, match=r"votes.csv: .* both 'x/a\.jpg' and 'y/a\.jpg' name a\. Index .*--ids path"):
        matcher.check_folders("votes.csv")


def test_ids_that_need_not_be_there() -> None:
    matcher = ImageMatcher(["a"], lambda image_id: image_id == "ILSVRC2012_val_00000001")
    assert matcher.match("val/ILSVRC2012_val_00000001.JPEG") == "ILSVRC2012_val_00000001"
