"""ILSVRC as Kaggle distributes it: found by any of its folders, and its files in every state."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.errors import UsageError
from reground.tasks.images.classes import load_classes
from reground.tasks.images.kaggle import read_solution
from reground.tasks.images.settings import IndexSettings, complete
from reground.tasks.workspace import Workspace
from tests.support.indexing import CAT, DOG, box_xml, index, photo, put

TENCH = "n01440764"
SOLUTION = f"""ImageId,PredictionString
ILSVRC2012_val_00000001,{DOG} 1 2 6 7 {DOG} 0 0 5 5
ILSVRC2012_val_00000002,{CAT} 1 2 6 7
ILSVRC2012_val_00000003,{TENCH} 1 2 6 7 {CAT} 1 2 6 7
"""


def name(number: int) -> str:
    return f"ILSVRC2012_val_{number:08d}"


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Four images, of which the last has no label, and two box files."""
    root = tmp_path / "kaggle"
    for number in range(1, 5):
        put(root / "ILSVRC" / "Data" / "CLS-LOC" / "val" / f"{name(number)}.JPEG", photo(number, format="JPEG"))
    for number in (1, 2):
        put(root / "ILSVRC" / "Annotations" / "CLS-LOC" / "val" / f"{name(number)}.xml", box_xml())
    put(root / "LOC_val_solution.csv", SOLUTION)
    put(root / "LOC_synset_mapping.txt", f"{TENCH} tench, Tinca tinca\n{DOG} golden retriever\n{CAT} tabby\n")
    return root


@pytest.mark.parametrize("place", [".", "ILSVRC", "ILSVRC/Data/CLS-LOC/val", "LOC_val_solution.csv"])
def test_labels_boxes_and_classes_are_found(tmp_path: Path, kaggle: Path, place: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    images, dropped = index(tmp_path, kaggle / place)
    assert images["wnid"].to_dict() == {name(1): DOG, name(2): CAT, name(3): TENCH}
    assert images["class_idx"].to_dict() == {name(1): 207, name(2): 281, name(3): 0}
    assert images["boxes"].str.len().to_dict() == {name(1): 1, name(2): 1, name(3): 0}
    assert dropped == {f"{name(4)}.JPEG": "label_missing", name(3): "label_conflict"}
    details = Workspace(tmp_path / "workspace").read("dropped")["detail"].to_list()
    assert "not in LOC_val_solution.csv" in details
    assert "labelled 0 (tench), but LOC_val_solution.csv names 281 (tabby)" in details
    for part in ("Data/CLS-LOC/val", "LOC_val_solution.csv", "Annotations/CLS-LOC/val", "classes ImageNet-1k"):
        assert part in caplog.text


def test_what_is_set_is_not_replaced(tmp_path: Path, kaggle: Path):
    labels = put(tmp_path / "own.csv", f"ImageId,PredictionString\n{name(1)},{CAT} 1 2 6 7\n")
    boxes = put(tmp_path / "boxes" / f"{name(1)}.xml", box_xml(box=(0, 0, 3, 3))).parent
    images, _ = index(tmp_path, kaggle, labels=str(labels), boxes=str(boxes))
    assert images["wnid"].to_dict() == {name(1): CAT}
    assert images.at[name(1), "boxes"][0]["xmax"] == 3


def test_a_flat_folder_with_the_csv(tmp_path: Path, kaggle: Path):
    val = kaggle / "ILSVRC" / "Data" / "CLS-LOC" / "val"
    moved = val.rename(tmp_path / "val")
    labels = (kaggle / "LOC_val_solution.csv").rename(moved / "LOC_val_solution.csv")
    images, dropped = index(tmp_path, moved, labels=str(labels))
    assert (len(images), dropped[f"{name(4)}.JPEG"]) == (3, "label_missing")


def test_train_has_class_folders(tmp_path: Path, kaggle: Path):
    train = kaggle / "ILSVRC" / "Data" / "CLS-LOC" / "train"
    put(train / DOG / f"{DOG}_7.JPEG", photo(7, format="JPEG"))
    put(kaggle / "ILSVRC" / "Annotations" / "CLS-LOC" / "train" / DOG / f"{DOG}_7.xml", box_xml())
    put(kaggle / "LOC_train_solution.csv", "ImageId,PredictionString\n")
    images, dropped = index(tmp_path, kaggle, split="train")
    assert images[["wnid", "split"]].to_numpy().tolist() == [[DOG, "train"]]
    assert (len(images.at[f"{DOG}_7", "boxes"]), dropped) == (1, {})


def test_classes_that_imagenet_lacks_are_numbered_by_the_mapping(kaggle: Path):
    mapping = put(kaggle / "LOC_synset_mapping.txt", f"{DOG} retriever\nn99999999 unicorn\n")
    assert complete(IndexSettings(str(kaggle))).classes == str(mapping)


def test_the_csv_alone_says_what_to_give(tmp_path: Path):
    path = put(tmp_path / "LOC_val_solution.csv", SOLUTION)
    with pytest.raises(UsageError, match=r"Kaggle's labels.*reground index VAL --labels"):
        index(tmp_path, path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("ImageId\na\n", "PredictionString"),
        ("ImageId,PredictionString\n", "found none"),
        (f"ImageId,PredictionString\na,{DOG} 1 2 3\n", f"line 2.*found '{DOG} 1 2 3'"),
        (f"ImageId,PredictionString\na,{DOG} 1 2 3 4\nb,dog 1 2 3 4\n", "line 3.*found 'dog 1 2 3 4'"),
        (f"ImageId,PredictionString\na,{DOG} 1 2 3 x\n", "line 2"),
        (b"\xff\xfe\x00", "read"),
    ],
)
def test_malformed_solutions(tmp_path: Path, content: str | bytes, complaint: str):
    with pytest.raises(UsageError, match=complaint):
        read_solution(put(tmp_path / "LOC_val_solution.csv", content))


def test_coordinates_may_have_decimals_and_exponents(tmp_path: Path):
    rows = "ImageId,PredictionString\na,n01440764 1.6e+01 61 205.123456789012 1.45E2\n"
    assert read_solution(put(tmp_path / "LOC_val_solution.csv", rows)) == {"a": ("n01440764",)}


def test_an_image_without_predictions_has_no_label(tmp_path: Path):
    path = put(tmp_path / "LOC_val_solution.csv", f"ImageId,PredictionString\na,\nb,{DOG} 1.5 2 6 7\n")
    assert read_solution(path) == {"a": (), "b": (DOG,)}


@given(content=st.text(max_size=80))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str):
    path = put(tmp_path_factory.mktemp("any") / "LOC_val_solution.csv", f"ImageId,PredictionString\n{content}")
    try:
        assert read_solution(path)
    except UsageError as error:
        assert "LOC_val_solution.csv" in str(error)


# The list of classes


def test_classes_of_a_mapping(tmp_path: Path):
    lines = f"{TENCH} tench, Tinca tinca\n\n{DOG} crane\n{CAT} crane, machine\n"
    rows = load_classes(put(tmp_path / "LOC_synset_mapping.txt", lines))
    assert [(row["class_idx"], row["name"], row["wnids"]) for row in rows] == [
        (0, "tench", [TENCH]),
        (1, f"crane ({DOG})", [DOG]),
        (2, "machine", [CAT]),
    ]


def test_the_mapping_of_all_of_imagenet_has_the_packaged_names(tmp_path: Path):
    imagenet = load_classes()
    lines = "".join(f"{row['wnids'][0]} some name, other name\n" for row in imagenet)
    assert load_classes(put(tmp_path / "LOC_synset_mapping.txt", lines)) == imagenet


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "found none"),
        ("tench\n", "line 1.*found 'tench'"),
        (f"{TENCH}\n", "line 1"),
        (f"{TENCH} tench\n{DOG} ,\n", "line 2"),
        (f"{TENCH} tench\n{TENCH} tench\n", f"line 2.*{TENCH} again"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_malformed_mappings(tmp_path: Path, content: str | bytes, complaint: str):
    with pytest.raises(UsageError, match=complaint):
        load_classes(put(tmp_path / "LOC_synset_mapping.txt", content))
