"""Their classes as ours: what a map covers, misses and has too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.references.class_map import ClassMatcher, read_class_map
from reground.annotations.references.entries import Numbers
from reground.tasks.errors import UsageError
from reground.tasks.images import load_classes
from tests.support.published_labels import table
from tests.support.tables import class_row

CLASSES = [class_row(3, "cat"), class_row(7, "dog"), class_row(8, "pug")]


def class_map(tmp_path: Path, *lines: str) -> Path:
    return table(tmp_path / "map.csv", *lines, header="theirs,ours")


def test_many_to_one_one_to_many_and_none(tmp_path: Path) -> None:
    path = class_map(tmp_path, "hound,dog", "tyke,7", "pet,cat", "pet,n00000008", "person,", "hound,dog")
    matcher = ClassMatcher(CLASSES, read_class_map(path, CLASSES), Numbers.WORKSPACE)  # type: ignore[arg-type]
    matches = {name: matcher.match(name) for name in ("hound", "tyke", "pet", "person", "dog", "n00000008")}
    assert {name: match and match.class_idxs for name, match in matches.items()} == {
        "hound": (7,),
        "tyke": (7,),
        "pet": (3, 8),
        "person": (),
        "dog": (7,),
        "n00000008": (8,),
    }
    assert [match.how for match in matches.values() if match] == ["map"] * 4 + ["name", "wnid"]


def test_a_number_beside_a_map_is_no_index_of_ours(tmp_path: Path) -> None:
    path = class_map(tmp_path, "0,dog")
    with_map = ClassMatcher(CLASSES, read_class_map(path, CLASSES), Numbers.WORKSPACE)  # type: ignore[arg-type]
    assert with_map.match("0") == ((7,), "map")
    assert with_map.match("7") is None and with_map.match("7.0") is None  # their class 7 need not be ours
    assert with_map.match("dogg") is None
    assert "a number of the file's own" in with_map.reasons["7"] and "'dog'" in with_map.reasons["dogg"]
    without = ClassMatcher(CLASSES, None, Numbers.WORKSPACE)  # type: ignore[arg-type]
    assert without.match("7") == ((7,), "index")
    assert without.match("-1") is None and without.match("2147483648") is None


def test_what_a_map_covers_misses_and_has_too_much(tmp_path: Path) -> None:
    path = class_map(tmp_path, "hound,dog", "person,", "lion,cat", "cow,cattle")
    matcher = ClassMatcher(CLASSES, read_class_map(path, CLASSES), Numbers.NONE)  # type: ignore[arg-type]
    for name in ("hound", "person", "cow", "cow", "bird", "hound"):
        matcher.match(name)
    matcher.add("pug")
    coverage = matcher.coverage()
    assert (coverage.covered, coverage.outside, coverage.unreached) == (3, 1, 1)  # of ours, nothing is a cat
    assert coverage.missing == {"cow": 2, "bird": 1}
    assert coverage.unused == ["lion"]
    assert list(coverage.unknown) == ["cattle"]
    text = "\n".join(coverage.lines())
    assert "classes without a match: 2: cow (2 labels), bird (1 label)" in text
    assert "classes in the map only: 1: lion" in text
    assert "'cattle' is no WordNet id, name or index of a class" in text and "line 5" in text
    rows = {(row["theirs"], row["class_idx"], row["match"], row["labels"]) for row in matcher.rows()}
    assert rows == {
        ("hound", 7, "map", 2),
        ("person", None, "map", 1),
        ("cow", None, "none", 2),
        ("bird", None, "none", 1),
        ("pug", 8, "name", 0),
    }


def test_indices_of_imagenet_are_found_by_wordnet_id(tmp_path: Path) -> None:
    classes = [{**row, "class_idx": 2000 - row["class_idx"]} for row in load_classes()[:10]]
    matcher = ClassMatcher(classes, None, Numbers.IMAGENET)  # type: ignore[arg-type]
    assert matcher.match("3") == ((1997,), "wnid")
    assert matcher.match("10") is None  # of ImageNet, but not here
    path = class_map(tmp_path, f"{load_classes()[10]['wnids'][0]},1991", "11,")
    mapped = ClassMatcher(classes, read_class_map(path, classes), Numbers.IMAGENET)  # type: ignore[arg-type]
    assert mapped.match("10") == ((1991,), "map") and mapped.match("11") == ((), "map")
    for wrong in ("1000", "-1", "tench", "9" * 30, "1.0"):
        with pytest.raises(UsageError, match="expected indices of ImageNet's classes, 0 to 999"):
            matcher.match(wrong)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ((), "expected one pair of classes a line, found none"),
        ((",dog",), "line 2: expected a class of theirs"),
        (("hound,dog", "hound,"), r"line 3: 'hound' is none .* on the other line \(2\)"),
        (("hound,", "hound,dog"), "line 3: 'hound' is none"),
        (("hound",), "expected 2 cells"),
    ],
)
def test_malformed_maps(tmp_path: Path, lines: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_class_map(class_map(tmp_path, *lines), CLASSES)  # type: ignore[arg-type]
