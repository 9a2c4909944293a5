"""Reference truths come in, replace themselves alone, and go out again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reground.annotations.references import ReferenceOptions, import_reference, references, remove_reference
from reground.flows.cli.main import main
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.published_labels import dropped, labels, table
from tests.support.tables import prediction, put


def test_lineage_is_kept(pets: Workspace, tmp_path: Path) -> None:
    path = table(tmp_path / "ours.csv", "a,dog", "a,hound", "b,", "z,dog")
    classes = table(tmp_path / "map.csv", "hound,dog", "hound,pug", header="theirs,ours")
    done = import_reference(pets, "ours", path, ReferenceOptions(classes=classes))
    (row,) = references(pets)
    assert row == done.reference
    assert row == {
        "name": "ours",
        "format": "table",
        "file": "ours.csv",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "classes_file": "map.csv",
        "classes_sha256": hashlib.sha256(classes.read_bytes()).hexdigest(),
        "images": 2,
        "empty": 1,
        "labels": 2,
        "dropped": 1,
    }
    assert labels(pets, "ours") == {"a": [7, 8], "b": []}
    assert dropped(pets) == [("ours: z", "image_unknown")]
    assert done.reasons == ["line 5: no image z"]


def test_another_import_replaces_its_own_name_alone(pets: Workspace, tmp_path: Path) -> None:
    first = import_reference(pets, "one", table(tmp_path / "one.csv", "a,dog", "z,dog"))
    import_reference(pets, "two", table(tmp_path / "two.csv", "b,cat", "y,cat"))
    again = import_reference(pets, "one", table(tmp_path / "new.csv", "c,pug"))
    assert first.replaced is None and again.replaced == first.reference
    assert (labels(pets, "one"), labels(pets, "two")) == ({"c": [8]}, {"b": [3]})
    assert dropped(pets) == [("two: y", "image_unknown")]
    assert remove_reference(pets, "one")["file"] == "new.csv"
    assert [row["name"] for row in references(pets)] == ["two"]
    assert not pets.parts("reference_truths/one") and not pets.parts("reference_classes/one")
    with pytest.raises(UsageError, match="unknown reference truth 'one': expected one of: two"):
        remove_reference(pets, "one")


def evaluate(workspace: Workspace) -> set[str]:
    """Evaluate, and give the truths that there are numbers by."""
    assert main(["evaluate", "-q", "-w", workspace.url]) == 0
    return truths(workspace)


def truths(workspace: Workspace) -> set[str]:
    return {truth for name in ("evaluation", "comparison") for truth in workspace.read(name)["truth"]}


def test_numbers_by_a_reference_truth_go_with_it(pets: Workspace, tmp_path: Path) -> None:
    for model in ("m", "n"):
        put(pets, f"predictions/{model}", [prediction(image_id, [7, 3, 8]) for image_id in "abc"])
    path = table(tmp_path / "one.csv", "a,dog", "b,dog", "c,cat")
    for name in ("one", "two"):
        import_reference(pets, name, path)
    assert {"one", "two"} <= evaluate(pets)
    import_reference(pets, "one", path)
    assert {"one", "two"} <= truths(pets)  # the same labels: the numbers still hold
    import_reference(pets, "one", table(tmp_path / "new.csv", "a,cat"))
    assert "one" not in truths(pets) and "two" in truths(pets)
    assert {"one", "two"} <= evaluate(pets)
    remove_reference(pets, "two")
    assert "two" not in truths(pets) and "one" in truths(pets)
    assert "two" not in evaluate(pets)


def test_a_refused_import_changes_nothing(pets: Workspace, tmp_path: Path) -> None:
    import_reference(pets, "one", table(tmp_path / "one.csv", "a,dog"))
    before = {table: pets.table_digest(table) for table in pets.tables()}
    with pytest.raises(UsageError, match=r"none of its 2 entries can be used: line 2: no image z"):
        import_reference(pets, "one", table(tmp_path / "one.csv", "z,dog", "y,dog"))
    with pytest.raises(UsageError, match="classes without a match: cow"):
        import_reference(pets, "one", table(tmp_path / "one.csv", "a,cow"))
    with pytest.raises(UsageError, match="no label holds"):
        import_reference(pets, "one", table(tmp_path / "one.csv", "a,"))
    assert {table: pets.table_digest(table) for table in pets.tables()} == before


@pytest.mark.parametrize("name", ["", "own", "original", "none", "1", "3f", "a/b", "../x", "a b", "a" * 65, "ä"])
def test_names_that_could_mean_something_else(pets: Workspace, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="expected a name of letters"):
        import_reference(pets, name, table(tmp_path / "one.csv", "a,dog"))


def test_labels_of_unknown_classes_make_their_images_unknown_unless_told_otherwise(
    pets: Workspace, tmp_path: Path
) -> None:
    path = table(tmp_path / "one.csv", "a,dog", "a,cow", "b,dog", "c,cow")
    import_reference(pets, "one", path)
    assert labels(pets, "one") == {"b": [7]}
    assert dropped(pets) == [("one: a", "label_unknown"), ("one: c", "label_unknown")]
    done = import_reference(pets, "one", path, ReferenceOptions(ignore_unknown=True))
    assert labels(pets, "one") == {"a": [7], "b": [7], "c": []}
    assert done.coverage.missing == {"cow": 2}


def test_the_smallest_confidence_of_a_label_that_holds(pets: Workspace, tmp_path: Path) -> None:
    path = table(
        tmp_path / "one.csv", "a,dog,0.5", "a,cat,0.75", "b,dog,0.49", "c,pug,", header="image_id,label,confidence"
    )
    import_reference(pets, "one", path, ReferenceOptions(min_confidence=0.5))
    rows = pets.read_arrow("reference_truths/one").to_pylist()
    assert [(row["image_id"], row["labels"], row["confidence"]) for row in rows] == [
        ("a", [3, 7], [0.75, 0.5]),
        ("b", [], None),
        ("c", [8], None),
    ]
    with pytest.raises(UsageError, match="smallest confidence from 0 to 1"):
        import_reference(pets, "one", path, ReferenceOptions(min_confidence=float("nan")))


def test_the_commands(pets: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "one.csv", "a.jpg,dog", "z,dog", header="file,class")
    columns = ["--columns", "image_id=file,label=class"]
    assert main(["truth", "import", str(path), "--name", "one", "-w", pets.url, *columns]) == 0
    out = capsys.readouterr().out
    assert "one: 1 label of 1 image" in out and "left out: line 3: no image z" in out
    assert main(["truth", "import", str(path), "--name", "one", "-w", pets.url, *columns, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["replaced"]["labels"] == 1
    assert main(["truth", "versions", "-w", pets.url]) == 0
    assert "one: one.csv, 1 label" in capsys.readouterr().out
    assert main(["truth", "import", str(path), "--name", "one", "-w", pets.url]) == 2
    assert main(["truth", "remove", "one", "-w", pets.url]) == 0
    assert main(["truth", "remove", "one", "-w", pets.url]) == 2
    assert main(["truth", "import", str(tmp_path / "no.csv"), "--name", "one", "-w", str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists()
