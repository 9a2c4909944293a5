"""Every format of published labels: what comes in, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.references import FORMATS, ReferenceOptions, import_reference
from reground.annotations.references.formats import read_published
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import load_classes
from reground.tasks.workspace import Workspace
from tests.support.needs import need_shared
from tests.support.published_answers import ONE, TWO
from tests.support.published_labels import coco, document, dropped, labels, table
from tests.support.tables import image, put

IMAGENET = "ILSVRC2012_val_{:08d}".format


def whole(sets: dict[int, list[Any]]) -> list[list[Any]]:
    """A list over ImageNet's validation images: number -> labels."""
    return [sets.get(number, []) for number in range(1, 50_001)]


def test_label_lists_are_of_imagenets_images_in_order(empty: Workspace, tmp_path: Path) -> None:
    path = document(tmp_path / "real.json", whole({1: [65, 3], 50_000: [999]}))
    done = import_reference(empty, "real", path)
    found = labels(empty, "real")
    assert (found[IMAGENET(1)], found[IMAGENET(2)], found[IMAGENET(50_000)]) == ([3, 65], [], [999])
    assert (done.reference["images"], done.reference["empty"], done.reference["labels"]) == (50_000, 49_998, 3)
    assert empty.read("classes")["class_idx"].tolist() == list(range(1000))


def test_an_object_names_images_and_the_classes_beside_it(pets: Workspace, tmp_path: Path) -> None:
    path = document(tmp_path / "real.json", {"a": [7, 8], "b": [], "c.jpg": ["n00000003"]})
    import_reference(pets, "one", path)
    assert labels(pets, "one") == {"a": [7, 8], "b": [], "c": [3]}
    document(tmp_path / "classes.json", {"7": "cat", "8": "dog"})  # numbers of another workspace
    done = import_reference(pets, "two", document(path, {"a": [7, 8]}))
    assert labels(pets, "two") == {"a": [3, 7]}
    assert done.reference["file"] == "real.json, classes.json"


def test_published_label_sets_of_objects_and_easy_images(empty: Workspace, tmp_path: Path) -> None:
    objects = [[{0: (1.0, 1.0)}, {389: (0.5, 0.25), 1: (0.5, 0.25)}], []]
    frame = pd.DataFrame({"objects": objects}, index=[f"{ONE}.JPEG", f"{TWO}.JPEG"])
    (tmp_path / "data").mkdir()
    frame.to_pickle(tmp_path / "data" / "annotations_classify_task.pkl")
    import_reference(empty, "iml", tmp_path)
    rows = {row["image_id"]: row for row in empty.read_arrow("reference_truths/iml").to_pylist()}
    assert (rows[ONE]["labels"], rows[ONE]["confidence"]) == ([0, 1, 389], [1.0, 0.25, 0.25])
    assert rows[TWO]["labels"] == []
    info = pd.DataFrame(
        {"annotation": ["fu", "easy", "mis"]}, index=[f"{ONE}.JPEG", f"{IMAGENET(1)}.JPEG", IMAGENET(9)]
    )
    info.to_pickle(tmp_path / "data" / "image_info.pkl")
    done = import_reference(empty, "iml", tmp_path / "data" / "annotations_classify_task.pkl")
    assert labels(empty, "iml")[IMAGENET(1)] == [65]  # its original label
    assert set(labels(empty, "iml")) == {ONE, TWO, IMAGENET(1)}
    assert len(done.reference["sha256"].split()) == 2
    import_reference(empty, "iml", tmp_path, ReferenceOptions(min_confidence=0.5))
    assert labels(empty, "iml")[ONE] == [0]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".json"])
def test_a_table_has_a_row_for_each_label(pets: Workspace, tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        {
            "image_id": ["a", "val/a.jpg".removeprefix("val/").removesuffix(".jpg"), "b", "c"],
            "label": ["dog", "n00000003", "8", ""],
            "confidence": [0.5, 0.75, 1.0, None],
            "xmin": [1.5, None, None, None],
            "ymin": [0, None, None, None],
            "xmax": [9.25, None, None, None],
            "ymax": [20, None, None, None],
        }
    )
    path = tmp_path / f"labels{suffix}"
    write = {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".parquet": lambda: frame.to_parquet(path),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".json": lambda: frame.to_json(path, orient="records"),
    }
    write[suffix]()
    assert import_reference(pets, "one", path).reference["format"] == "table"
    rows = {row["image_id"]: row for row in pets.read_arrow("reference_truths/one").to_pylist()}
    assert {name: row["labels"] for name, row in rows.items()} == {"a": [3, 7], "b": [8], "c": []}
    assert rows["a"]["confidence"] == [0.75, 0.5]
    assert rows["a"]["boxes"] == [{"xmin": 1, "ymin": 0, "xmax": 10, "ymax": 20}]
    assert rows["a"]["box_labels"] == [7]


def test_labels_that_pandas_turned_into_floats_are_indices(pets: Workspace, tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_id": ["a", "b", "c"], "label": [7, None, 3]})
    frame.to_parquet(tmp_path / "one.parquet")
    import_reference(pets, "one", tmp_path / "one.parquet")
    assert labels(pets, "one") == {"a": [7], "b": [], "c": [3]}


def test_a_row_twice_counts_once_and_boxes_of_one_label_are_kept(pets: Workspace, tmp_path: Path) -> None:
    header = "image_id,label,xmin,ymin,xmax,ymax"
    path = table(tmp_path / "one.csv", "a,dog,0,0,5,5", "a,dog,5,5,9,9", "a,dog,0,0,5,5", header=header)
    import_reference(pets, "one", path)
    (row,) = pets.read_arrow("reference_truths/one").to_pylist()
    assert row["labels"] == [7] and [box["xmax"] for box in row["boxes"]] == [5, 9]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a,dog,1.5", "expected a confidence from 0 to 1"),
        ("a,dog,nan", "expected confidence to be a number"),
        ("a,dog,1e999", "expected confidence to be a number"),
        ("a,dog,0_1", "expected confidence to be a number"),
        (",dog,1", "line 2: expected an image_id"),
        ("a,,1", "expected the label of a confidence"),
        ("a,dog,1,0,0,5", "found 0, 0, 5, nothing"),
        ("a,dog,1,0,0,0,5", "of a box in pixels"),
        ("a,dog,1,0,0,1e300,5", "of a box in pixels"),
    ],
)
def test_malformed_rows(pets: Workspace, tmp_path: Path, line: str, complaint: str) -> None:
    header = "image_id,label,confidence,xmin,ymin,xmax,ymax"
    path = table(tmp_path / "one.csv", line + "," * (6 - line.count(",")), header=header)
    with pytest.raises(UsageError, match=complaint):
        import_reference(pets, "one", path)
    assert not pets.parts("references")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (("a,dog,0.5", "a,dog,0.6"), r"line 3: dog in a has the confidence 0\.6, but 0\.5 on line 2"),
        (("a,dog,", "a,,"), "line 3: a has no label that holds, which contradicts line 2"),
        (("a,,", "a,dog,"), "line 3: a has a label, which contradicts line 2"),
        (("a.jpg,dog,", "x/a.jpg,cat,"), "'x/a.jpg' and 'a.jpg' both name the image 'a'"),
    ],
)
def test_rows_that_contradict_each_other(
    pets: Workspace, tmp_path: Path, lines: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        import_reference(pets, "one", table(tmp_path / "one.csv", *lines, header="image_id,label,confidence"))


def test_images_are_found_with_and_without_folder_and_suffix(workspace_url: str, tmp_path: Path) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(name, 7) for name in ("caf\u00e9", "x.1", "p__q", "r__same", "s__same")])
    put(workspace, "classes", load_classes())
    lines = ["val/cafe\u0301.JPG,7", "x.1,7", "q.png,7", "same.jpg,7", f"val/{ONE}.JPEG,7"]
    import_reference(workspace, "one", table(tmp_path / "one.csv", *lines))
    assert set(labels(workspace, "one")) == {"caf\u00e9", "x.1", "p__q", ONE}
    assert dropped(workspace) == [("one: same.jpg", "image_unknown")]  # two could be meant


def test_a_detection_file(pets: Workspace, tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10.5, 20, 5, 5.25], "score": 0.5},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.75},
        {"id": 3, "image_id": 2.0, "category_id": 2, "iscrowd": 1},
    ]
    done = import_reference(pets, "boxes", coco(tmp_path / "instances.json", annotations))
    rows = {row["image_id"]: row for row in pets.read_arrow("reference_truths/boxes").to_pylist()}
    assert {name: row["labels"] for name, row in rows.items()} == {"a": [7], "b": [3], "c": []}
    assert rows["a"]["confidence"] == [0.75] and rows["b"]["confidence"] is None
    assert rows["a"]["boxes"][0] == {"xmin": 10, "ymin": 20, "xmax": 16, "ymax": 26}
    assert done.reference["format"] == "coco" and done.reference["empty"] == 1


@pytest.mark.parametrize(
    ("annotation", "kept", "reason"),
    [
        ({"image_id": 1, "category_id": 9}, False, "label_unknown"),
        ({"image_id": 1, "category_id": True}, False, "label_unknown"),
        ({"image_id": 1, "category_id": 1, "score": 2}, False, "answer_invalid"),
        ({"image_id": 1, "category_id": 1, "score": "high"}, False, "answer_invalid"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, float("nan"), 5]}, True, "box_file_invalid"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, 10**400, 5]}, True, "box_file_invalid"),
        ({"image_id": 1, "category_id": 1, "bbox": [0, 0, 0, 5]}, True, "box_file_invalid"),
        ({"image_id": 1, "category_id": 1, "bbox": {"x": 0}}, True, "box_file_invalid"),
        ({"image_id": 99, "category_id": 1}, None, "image_unknown"),
        ({"image_id": [1], "category_id": 1}, None, "image_unknown"),
        ({}, None, "image_unknown"),
    ],
)
def test_one_bad_instance(
    pets: Workspace, tmp_path: Path, annotation: dict[str, Any], kept: bool | None, reason: str
) -> None:
    """A bad box costs the box; a bad label costs its image, whose labels are not all known; others stay."""
    path = coco(tmp_path / "i.json", [annotation, {"image_id": 2, "category_id": 1}])
    import_reference(pets, "one", path)
    expected = {True: {"a": [7]}, False: {}, None: {"a": []}}[kept]
    assert labels(pets, "one") == {**expected, "b": [7], "c": []}
    assert [found for _, found in dropped(pets)] == [reason]


DEEP = "[" * 1_000_000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "JSON"),
        (DEEP, "JSON"),
        ('{"a": ' * 100_000, "JSON"),
        ("\udcff", "JSON"),
        ('{"a": ["\\ud800"]}', "JSON"),
        ("7", "expected label lists"),
        ("[[1]]", "expected labels of ImageNet's 50,000 validation images"),
        ('{"a": 7}', "a: expected a list of classes, found 7"),
        ('{"a": [[7]]}', "expected a list of classes"),
        ('{"a": [7.0]}', "expected a list of classes"),
        ('{"a": [true]}', "expected a list of classes"),
        ('{"a": [NaN]}', "expected a list of classes"),
        ('{"a": [7, 7]}', "expected each class once"),
        ('{"a": [7], "a": [3]}', "a key occurs twice"),
        ('{"a": [' + "9" * 5000 + "]}", "JSON"),
        ("[" + "[]," * 49_999 + "[1000]]", "expected indices of ImageNet's classes"),
        ("[" + "[]," * 49_999 + "[-1]]", "expected indices of ImageNet's classes"),
        ('{"images": [], "categories": [], "annotations": {}}', "expected annotations to be a list of objects"),
        ('{"images": [7], "categories": [], "annotations": []}', "expected images to be a list of objects"),
        (
            '{"images": [{"id": [], "file_name": "a"}], "categories": [], "annotations": []}',
            "expected an id",
        ),
        (
            '{"images": [{"id": 1, "file_name": 5}], "categories": [], "annotations": []}',
            "expected an id",
        ),
        (
            '{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}],'
            ' "categories": [], "annotations": []}',
            "the id 1 occurs twice",
        ),
        (
            '{"images": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}], "annotations": []}',
            "expected each name among categories once",
        ),
    ],
)
def test_damaged_and_hostile_documents(pets: Workspace, tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=complaint):
        import_reference(pets, "one", path)
    assert not pets.parts("references")


@pytest.mark.parametrize(
    "objects",
    [7, [7], [{"a": (1, 1)}], [{0: 1}], [{0: (1, 2)}], [{0: (1, float("nan"))}], [{1000: (1, 1)}], [{-1: (1, 1)}]],
)
def test_malformed_objects(empty: Workspace, tmp_path: Path, objects: Any) -> None:
    pd.DataFrame({"objects": [objects]}, index=[f"{ONE}.JPEG"]).to_pickle(tmp_path / "annotations_classify_task.pkl")
    with pytest.raises(RegroundError):
        import_reference(empty, "one", tmp_path)
    assert not empty.parts("references")


def test_the_format_is_told_or_shown(pets: Workspace, tmp_path: Path) -> None:
    path = table(tmp_path / "labels.tsv.gz", "a,dog")
    with pytest.raises(UsageError, match="name the format with --format"):
        import_reference(pets, "one", path)
    with pytest.raises(UsageError, match="unknown format of published labels 'csv': expected one of: coco"):
        import_reference(pets, "one", path, ReferenceOptions("csv"))
    with pytest.raises(UsageError, match="expected a table for --columns"):
        import_reference(pets, "one", coco(tmp_path / "i.json", []), ReferenceOptions(columns={"label": "x"}))
    with pytest.raises(UsageError, match="expected an object with images, categories, annotations"):
        import_reference(pets, "one", document(tmp_path / "x.json", {"a": [7]}), ReferenceOptions("coco"))
    with pytest.raises(UsageError, match="found nothing there"):
        import_reference(pets, "one", tmp_path / "nothing.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["a", "dog", "images", "1"]),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["images", "categories", "annotations", "id", "image_id", "file_name", "name", "bbox", "a"]
            ),
            children,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["", *FORMATS]))
def test_any_document_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: Any, format: str
) -> None:
    path = document(tmp_path_factory.mktemp("any") / "any.json", content)
    try:
        _, published = read_published(path, format, {}, has_map=False)
        list(published.entries(lambda fault: None))
    except RegroundError:
        pass


def test_published_files() -> None:
    """What the publishers' own files hold, counted here by other means."""
    path = need_shared("reassessed-imagenet/real.json")
    _, published = read_published(path, "", {}, has_map=False)
    entries = list(published.entries(lambda fault: None))
    sets = json.loads(path.read_text())
    assert sum(entry.label is None for entry in entries) == 3_163 == sum(not row for row in sets)
    assert sum(entry.label is not None for entry in entries) == 57_553


def test_published_label_sets_agree_with_a_count(empty: Workspace) -> None:
    done = import_reference(empty, "iml", need_shared("imagenet-multilabel"))
    classes = empty.read("reference_classes/iml")
    assert done.reference["labels"] == classes["labels"].sum() == 11_152
    assert (done.reference["images"], done.reference["dropped"]) == (4_869, 0)
