"""Spellings of class names: those of ImageNet's in use, and which of them leave open what they mean."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from reground.tasks.images.classes import load_classes
from reground.tasks.images.labels import LabelError, label_index, resolve_label
from reground.tasks.images.spellings import imagenet_synonyms
from tests.support.needs import need_package
from tests.support.tables import class_row

IMAGENET = load_classes()
INDEX = label_index(IMAGENET)


@pytest.mark.parametrize(
    ("label", "class_idx"),
    [
        ("0", 0),
        ("007", 7),
        ("3.0", 3),
        ("3.000", 3),
        ("n01440764", 0),
        ("tench, Tinca tinca", 0),
        ("tench  Tinca", None),
        ("Tench", 0),
        ("GREAT_WHITE-SHARK", 2),
        ("great white shark, white shark", 2),
        ("n01440764 tench, Tinca tinca", 0),
        ("n01440764_tench", 0),
        ("crane bird", 134),
        ("maillot, tank suit", 639),
        ("jack_o_lantern", 607),
        ("carpenter's plane", 726),
        ("missile", 657),  # of the projectile it is a later synonym
        ("-1", None),
        ("3.5", None),
        ("1000.0", None),
        ("tench, goldfish", None),
        ("", None),
        (",", None),
    ],
)
def test_spellings_of_imagenets_names(label: str, class_idx: int | None) -> None:
    if class_idx is None:
        with pytest.raises(LabelError, match="is no WordNet id"):
            resolve_label(label, INDEX)
    else:
        assert resolve_label(label, INDEX) == class_idx


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ("crane", r"134 \(crane \(bird\)\), 517 \(crane \(machine\)\)"),
        ("Cardigan", "264 .Cardigan Welsh corgi., 474 .cardigan .jacket.."),
        ("maillot", "638 .*, 639"),
        ("panther", "286 .cougar., 290 .jaguar."),
    ],
)
def test_a_spelling_of_several_classes_is_told_with_them(label: str, classes: str) -> None:
    with pytest.raises(LabelError, match=f"'{label}' matches more than one class: {classes}"):
        resolve_label(label, INDEX)


SPELL: dict[str, Callable[[str, tuple[str, ...]], str]] = {
    "all synonyms": lambda wnid, words: ", ".join(words),
    "Kaggle's lines": lambda wnid, words: f"{wnid} {', '.join(words)}",
    "first synonym": lambda wnid, words: words[0],
    "underscores": lambda wnid, words: words[0].replace(" ", "_"),
    "capitals": lambda wnid, words: words[0].upper(),
}


@pytest.mark.parametrize("name", SPELL)
def test_no_spelling_of_a_class_means_another(name: str) -> None:
    unresolved = set[str]()
    for row in IMAGENET:
        label = SPELL[name](row["wnids"][0], imagenet_synonyms()[row["wnids"][0]])
        try:
            assert resolve_label(label, INDEX) == row["class_idx"]
        except LabelError:
            unresolved.add(label.lower())
    assert unresolved <= {"crane", "cardigan", "maillot"}


def test_the_synonyms_are_wordnets() -> None:
    need_package("timm")
    # Found, not imported: importing timm imports torch.
    info = Path(str(importlib.util.find_spec("timm").origin)).parent / "data" / "_info"  # type: ignore[union-attr]
    lines = (line.split("\t", 1) for line in (info / "imagenet_synset_to_lemma.txt").read_text().splitlines())
    lemmas = dict(lines)
    assert {wnid: ", ".join(words) for wnid, words in imagenet_synonyms().items()} == {
        row["wnids"][0]: lemmas[row["wnids"][0]] for row in IMAGENET
    }


def test_a_vocabulary_of_ones_own_has_its_names_first() -> None:
    rows = [{**class_row(0, "Crane"), "wnids": ["n02012849"]}, class_row(1, "tank suit"), class_row(2, "3.0")]
    index = label_index(rows)  # type: ignore[arg-type]
    assert [resolve_label(label, index) for label in ("crane", "tank_suit", "3.0", "1.0")] == [0, 1, 2, 1]
