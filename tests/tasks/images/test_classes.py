"""Vocabularies, groups and labels: the packaged ones against their sources, users' files in every state."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.errors import UsageError
from reground.tasks.images.classes import GROUPS, load_classes, load_groups
from reground.tasks.images.labels import LabelError, label_index, resolve_label
from reground.tasks.schema import to_arrow
from tests.support.needs import need_package, need_shared

IMAGENET = load_classes()
INDEX = label_index(IMAGENET)


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_imagenet_is_what_wordnet_says():
    need_package("timm")
    # Found, not imported: importing timm imports torch.
    info = Path(str(importlib.util.find_spec("timm").origin)).parent / "data" / "_info"
    glosses = (info / "imagenet_synset_to_definition.txt").read_text().splitlines()
    gloss_of = dict(line.split("\t", 1) for line in glosses)
    wnids = (info / "imagenet_synsets.txt").read_text().split()
    assert [(row["wnids"], row["gloss"]) for row in IMAGENET] == [([wnid], gloss_of[wnid]) for wnid in wnids]


def test_imagenet_names_tell_classes_apart():
    assert [row["class_idx"] for row in IMAGENET] == list(range(1000))
    assert len({row["name"].lower() for row in IMAGENET}) == 1000
    assert [row["wnids"] for row in IMAGENET] == sorted(row["wnids"] for row in IMAGENET)
    names = {row["wnids"][0]: row["name"] for row in IMAGENET}
    assert (names["n02012849"], names["n03126707"]) == ("crane (bird)", "crane (machine)")
    assert (names["n03710637"], names["n03710721"]) == ("maillot (tights)", "maillot (tank suit)")
    assert (names["n02113186"], names["n02963159"]) == ("Cardigan Welsh corgi", "cardigan (jacket)")
    assert (names["n04355933"], names["n04356056"]) == ("sunglass (burning lens)", "sunglasses (spectacles)")


def test_packaged_rows_fit_their_tables():
    to_arrow("classes", IMAGENET)
    for name in GROUPS:
        to_arrow("groups", load_groups(name, IMAGENET)[0])


def test_imagenet9_is_the_published_map():
    rows, coverage = load_groups("imagenet9", IMAGENET)
    published = json.loads((need_shared("backgrounds-challenge") / "in_to_in9.json").read_text())
    assert {row["class_idx"]: row["group"] for row in rows} == {int(k): v for k, v in published.items() if v >= 0}
    assert len(coverage.missing) == 630


def test_the_published_file_of_the_map_is_read_as_it_is():
    by_file, _ = load_groups(need_shared("backgrounds-challenge") / "in_to_in9.json", IMAGENET)
    ours, _ = load_groups("imagenet9", IMAGENET)
    assert [(row["group"], row["class_idx"]) for row in by_file] == [(row["group"], row["class_idx"]) for row in ours]


def test_imagenet9_keeps_its_order_sizes_and_odd_gaps():
    rows, coverage = load_groups("imagenet9", IMAGENET)
    names = list(dict.fromkeys(row["name"] for row in rows))
    assert ", ".join(names) == (
        "Dog, Bird, Wheeled vehicle, Reptile, Carnivore, Insect, Musical instrument, Primate, Fish"
    )
    sizes = [sum(row["group"] == group for row in rows) for group in range(9)]
    assert sizes == [116, 52, 42, 36, 35, 27, 26, 20, 16]
    assert {171, 172, 281, 285, 80, 779} <= set(coverage.missing)
    assert not coverage.extra


def test_superclasses_cover_every_class_once():
    rows, coverage = load_groups("superclasses", IMAGENET)
    assert sorted(row["class_idx"] for row in rows) == list(range(1000))
    assert [sum(row["group"] == g for row in rows) for g in range(11)] == [
        130,
        88,
        59,
        60,
        61,
        63,
        172,
        90,
        92,
        117,
        68,
    ]
    assert not coverage.missing


# Labels


@given(st.sampled_from(IMAGENET))
def test_a_class_is_found_by_wnid_name_and_index(row: dict):
    for label in (row["wnids"][0], row["name"], str(row["class_idx"]), f" {row['class_idx']:05d} "):
        assert resolve_label(label, INDEX) == row["class_idx"]


@pytest.mark.parametrize("label", ["", "1000", "-1", "1.5", "n0209960", "²", "golden"])
def test_nothing_is_guessed(label: str):
    with pytest.raises(LabelError, match="no WordNet id"):
        resolve_label(label, INDEX)


def test_a_name_that_is_another_class_index_is_ambiguous(tmp_path: Path):
    index = label_index(load_classes(write(tmp_path / "c.csv", "class_idx,name\n0,seven\n1,7\n7,eight\n3,3\n")))
    for label in ("7", "07"):
        with pytest.raises(LabelError, match=r"more than one class: 1 \(7\), 7 \(eight\)"):
            resolve_label(label, index)
    assert resolve_label("3", index) == 3


@pytest.mark.parametrize(
    ("label", "near"),
    [
        ("golden retreiver", "'golden retriever'"),
        ("Golden_Retrievers", "'golden retriever'"),
        ("great white sharks", "'great white shark'"),
        ("TENNCH", "'tench'"),
    ],
)
def test_names_that_nearly_match_are_listed(label: str, near: str):
    with pytest.raises(LabelError, match=near):
        resolve_label(label, INDEX)


def test_no_name_is_near_to_a_number_or_a_word_of_its_own():
    for label in ("1000", "n0209960", "submarine sandwich of tuna"):
        with pytest.raises(LabelError) as caught:
            resolve_label(label, INDEX)
        assert "near" not in str(caught.value)


# A user's classes


def test_own_classes(tmp_path: Path):
    content = '\ufeffname,class_idx,gloss\n"cat, tame",4,purrs\n\ndog,2,\n'
    assert load_classes(write(tmp_path / "c.csv", content)) == [
        {"class_idx": 2, "name": "dog", "wnids": [], "gloss": ""},
        {"class_idx": 4, "name": "cat, tame", "wnids": [], "gloss": "purrs"},
    ]
    merged = load_classes(write(tmp_path / "m.csv", "class_idx,name,wnids\n0,corgi,n02113023 n02113186\n"))
    assert merged[0]["wnids"] == ["n02113023", "n02113186"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "line 1"),
        ("class_idx\n0\n", "Missing: name"),
        ("class_idx;label\n0;a\n", "Missing: name"),
        ("class_idx,name,colour\n0,a,red\n", "colour"),
        ("class_idx,name,name\n0,a,b\n", "every column once"),
        ("class_idx,name\n", "found none"),
        ("class_idx,name\n0,a\nx,b\n", "line 3.*whole number.*'x'"),
        ("class_idx,name\n-1,a\n", "line 2.*whole number"),
        ("class_idx,name\n1e3,a\n", "line 2.*whole number"),
        ("class_idx,name\n99999999999,a\n", "line 2.*whole number"),
        ("class_idx,name\n0,a\n0,b\n", "line 3.*already used on line 2"),
        ("class_idx,name\n0,a\n1,a\n", "line 3: name 'a'.*line 2"),
        ("class_idx,name\n0, \n", "line 2.*a name"),
        ("class_idx,name\n0,a,b\n", "line 2: expected 2 cells"),
        ("class_idx,name,wnids\n0,a,dog\n", "line 2.*WordNet ids"),
        ("class_idx,name,wnids\n0,a,n00000001\n1,b,n00000001\n", "line 3: n00000001"),
        ('class_idx,name\n0,"a\n', "cannot be read"),
    ],
)
def test_malformed_classes(tmp_path: Path, content: str, complaint: str):
    path = write(tmp_path / "classes.csv", content)
    with pytest.raises(UsageError, match=complaint) as caught:
        load_classes(path)
    assert "classes.csv" in str(caught.value)


def test_classes_that_are_no_text_or_not_there(tmp_path: Path):
    (tmp_path / "latin.csv").write_bytes("class_idx,name\n0,caf\xe9\n".encode("latin-1"))
    for path in (tmp_path / "latin.csv", tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            load_classes(path)


# A user's groups


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("g.json", json.dumps({"pets": ["n02099601", "tabby"], "fish": ["0", 1]})),
        ("g.csv", "group,class\npets,n02099601\nfish,0\npets,tabby\nfish,1\n"),
    ],
)
def test_own_groups(tmp_path: Path, name: str, content: str):
    rows, coverage = load_groups(write(tmp_path / name, content), IMAGENET)
    assert [(row["group"], row["name"], row["class_idx"]) for row in rows] == [
        (0, "pets", 207),
        (0, "pets", 281),
        (1, "fish", 0),
        (1, "fish", 1),
    ]
    assert (len(coverage.mapped), len(coverage.missing), coverage.extra) == (4, 996, ())
    assert str(coverage) == "4 classes in a group, 996 in none"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("g.json", "{", "cannot be read"),
        ("g.json", "[" * 100_000, "cannot be read"),
        ("g.json", "[]", "found a list"),
        ("g.json", "{}", "at least one group"),
        ("g.json", '{"a": "0"}', "found for 'a'"),
        ("g.json", '{"a": []}', "found for 'a'"),
        ("g.json", '{"7": 1, "8": [9]}', "found for '7'"),
        ("g.json", '{"a": [true]}', "found for 'a'"),
        ("g.json", '{"a": ["0"], "a": ["1"]}', "a key occurs twice among"),
        ("g.json", '{"a": ["0"], "b": ["tench"]}', "two groups, 'a' and 'b'"),
        ("g.json", '{"a": ["0", "unicorn", "n99999999"]}', "2 of its entries.*unicorn, n99999999"),
        ("g.csv", "group,class\na,0\na,unicorn\n", "1 of its entries.*unicorn"),
        ("g.csv", "group,class\na,\n", "line 2.*empty cell"),
        ("g.csv", "group,class\n", "at least one group"),
        ("g.csv", "name,class\na,0\n", "Missing: group"),
        ("g.txt", "group,class\na,0\n", "unknown groups.*imagenet9, superclasses"),
    ],
)
def test_malformed_groups(tmp_path: Path, name: str, content: str, complaint: str):
    path = write(tmp_path / name, content)
    with pytest.raises(UsageError, match=complaint) as caught:
        load_groups(path, IMAGENET)
    assert name in str(caught.value)


def test_unknown_groups_list_what_would_work():
    with pytest.raises(UsageError, match="imagenet9, superclasses"):
        load_groups("imagenet10", IMAGENET)


def test_packaged_groups_on_an_own_vocabulary(tmp_path: Path):
    own = load_classes(write(tmp_path / "c.csv", "class_idx,name,wnids\n0,corgi,n02113023 n02113186\n1,Dog,\n"))
    rows, coverage = load_groups("imagenet9", own)
    assert rows == [{"group": 0, "name": "Dog", "class_idx": 0}]
    assert (coverage.mapped, coverage.missing, len(coverage.extra)) == ((0,), (1,), 368)


def test_an_own_class_across_two_packaged_groups_is_refused(tmp_path: Path):
    own = load_classes(write(tmp_path / "c.csv", "class_idx,name,wnids\n0,pet,n02113023 n01531178\n"))
    with pytest.raises(UsageError, match="two groups, 'Dog' and 'Bird'"):
        load_groups("imagenet9", own)
