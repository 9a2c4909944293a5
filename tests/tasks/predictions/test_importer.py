"""Predictions made elsewhere: every file format, what they are held against, and what lies beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.predictions import candidates
from reground.tasks.predictions import step as predictions
from reground.tasks.predictions.importer import import_predictions, imported_models, remove_predictions
from reground.tasks.predictions.set_images import STAGE
from reground.tasks.workspace import Workspace, finish, run_shard, todo, write_table
from tests.support.tables import class_row, image, prediction, put, vote

CLASSES = [class_row(3, "tabby, cat"), class_row(7, "dog"), class_row(8, "bird")]
ROWS: list[dict[str, Any]] = [
    {"image_id": "a", "class_idx": 7},
    {"image_id": "b", "class_idx": [3, 8]},
    {"image_id": "c", "class_idx": "n00000008"},
    {"image_id": "d", "class_idx": ["tabby, cat", -1]},
]
EXPECTED = {"a": [7], "b": [3, 8], "c": [8], "d": [3, -1]}


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    """Four images known by votes alone: none is at hand."""
    made = Workspace(workspace_url)
    put(made, "classes", CLASSES)
    put(made, "votes", [vote(i, 7, "ann") for i in "abcd"])
    return made


def to_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    cells = [{name: json.dumps(cell) if isinstance(cell, list) else cell for name, cell in row.items()} for row in rows]
    pd.DataFrame(cells).to_csv(path.with_suffix(".csv"), index=False)
    return path.with_suffix(".csv")


def to_jsonl(rows: list[dict[str, Any]], path: Path) -> Path:
    path.with_suffix(".jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return path.with_suffix(".jsonl")


def to_parquet(rows: list[dict[str, Any]], path: Path) -> Path:
    """A column of one type: every label as a list of texts."""
    lists = [
        {**row, "class_idx": [str(x) for x in np.atleast_1d(np.array(row["class_idx"], object)).tolist()]}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(lists), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


WRITE = [to_csv, to_jsonl, to_parquet]


def read(workspace: Workspace, model: str = "m") -> dict[str, list[int]]:
    frame = workspace.read(f"predictions/{model}")
    return {i: [int(c) for c in row] for i, row in zip(frame["image_id"], frame["class_idx"], strict=True)}


def dropped(workspace: Workspace) -> dict[str, str]:
    frame = workspace.read("dropped")
    return dict(zip(frame["item"], frame["reason"], strict=True))


@pytest.mark.parametrize("write", WRITE)
def test_every_format_and_every_way_to_name_a_class(
    workspace: Workspace, tmp_path: Path, write: Callable[[list[dict[str, Any]], Path], Path]
) -> None:
    told = import_predictions(workspace, "m", write(ROWS, tmp_path / "p"))
    assert told == {"predictions": 4, "dropped": 0, "repeated": 0, "missing": 0}
    assert read(workspace) == EXPECTED
    frame = workspace.read("predictions/m")
    assert all(np.isnan(row).all() for row in frame["probability"])
    assert json.loads(frame["recipe"][0])["imported"].startswith("p.")


@pytest.mark.parametrize("write", WRITE)
def test_what_cannot_count_is_dropped_with_its_reason(
    workspace: Workspace, tmp_path: Path, write: Callable[[list[dict[str, Any]], Path], Path]
) -> None:
    more = [{"image_id": "a", "class_idx": 7}, {"image_id": "x", "class_idx": 3}, {"image_id": "e", "class_idx": 3}]
    rows = [*ROWS[:2], {"image_id": "c", "class_idx": "unicorn"}, *more]
    told = import_predictions(workspace, "m", write(rows, tmp_path / "p"))
    assert told == {"predictions": 2, "dropped": 3, "repeated": 1, "missing": 2}
    assert read(workspace) == {"a": [7], "b": [3, 8]}
    expected = {"x": "image_unknown", "e": "image_unknown", "c": "label_unknown"}
    assert dropped(workspace) == expected
    assert workspace.read("dropped")["detail"].str.contains(r"p\.\w+, (?:line|row) \d+: ").all()


def test_probabilities_come_along(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        {"image_id": "a", "class_idx": [7, 3], "probability": [0.75, 0.25]},
        {"image_id": "b", "class_idx": [7], "probability": [0.5]},
    ]
    for write in WRITE:
        import_predictions(workspace, "m", write(rows, tmp_path / "p"))
        assert [list(row) for row in workspace.read("predictions/m")["probability"]] == [[0.75, 0.25], [0.5]]


CSV_ERRORS = {
    "": "Missing: image_id, class_idx",
    "image_id,label\na,7\n": "Missing: class_idx",
    "image_id,class_idx,score\na,7,1\n": "unknown column",
    "image_id,class_idx\n,7\n": "line 2: expected image_id to be text",
    "image_id,class_idx\na,\n": "line 2: expected class_idx to be an index",
    "image_id,class_idx\na,[]\n": "line 2: expected class_idx to be an index",
    'image_id,class_idx\na,"[7, 7]"\n': "line 2: expected every class once",
    'image_id,class_idx\na,"[7"\n': "line 2: expected JSON",
    "image_id,class_idx\na,[7.5]\n": "line 2: expected class_idx to be an index",
    "image_id,class_idx\na,[true]\n": "line 2: expected class_idx to be an index",
    "image_id,class_idx,probability\na,7,12.5\n": "line 2: expected probabilities from 0 to 1",
    "image_id,class_idx,probability\na,7,high\n": "line 2: expected probability to be numbers",
    'image_id,class_idx,probability\na,7,"[0.5, 0.1]"\n': "line 2: expected a probability for each of 1",
    'image_id,class_idx,probability\na,"[7, 3]","[0.1, 0.5]"\n': "line 2: expected the best first",
    'image_id,class_idx,probability\na,7,"[null]"\nb,3,"[[1]]"\n': "line 3: expected probability to be numbers",
    "image_id,class_idx\nx,7\n": r"expected predictions \(image ids such as a, b\)",
    "image_id,class_idx\n": "found none",
    "image_id,class_idx\na,nothing\n": "'nothing' is no WordNet id",
    "image_id,class_idx,set\na,7,mixed_rand\n": r"line 2\) 'mixed_rand': expected one of: photographs",
}


@pytest.mark.parametrize("text", CSV_ERRORS)
def test_a_malformed_csv_is_one_clear_error(workspace: Workspace, tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=CSV_ERRORS[text]):
        import_predictions(workspace, "m", path)
    assert "predictions/m" not in workspace.tables()


OTHER_ERRORS = {
    "p.jsonl": (b'{"image_id": "a", "class_idx": 7}\n[1]\n', "line 2: expected an object"),
    "q.jsonl": (b'{"image_id": "a"}\n', r"line 1: expected the column\(s\) image_id, class_idx"),
    "r.jsonl": (b"\xff\xfe", "JSON lines in UTF-8"),
    "s.jsonl": (b"[" * 100_000, "line 1: expected JSON"),
    "p.parquet": (b"PAR1 no", "expected a Parquet file"),
    "p.xls": (b"a 7\n", "unknown suffix of a file of predictions '.xls':.* expected one of: .csv, .json,"),
    "p.npy": (b"\x80\x04K\x01.", "saved by numpy"),
}


@pytest.mark.parametrize("name", OTHER_ERRORS)
def test_other_malformed_files(workspace: Workspace, tmp_path: Path, name: str) -> None:
    content, message = OTHER_ERRORS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        import_predictions(workspace, "m", tmp_path / name)


@pytest.mark.parametrize("name", ["gone.csv", "gone.jsonl", "gone.parquet", "gone.npy"])
def test_a_missing_file(workspace: Workspace, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        import_predictions(workspace, "m", tmp_path / name)


def test_a_workspace_that_knows_no_images(workspace_url: str, tmp_path: Path) -> None:
    with pytest.raises(RegroundError, match=r"reground votes import"):
        import_predictions(Workspace(workspace_url), "m", to_csv(ROWS, tmp_path / "p"))


def test_a_name_that_is_no_tables(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="call it 'timm-resnet50'"):
        import_predictions(workspace, "timm:resnet50", to_csv(ROWS, tmp_path / "p"))


def release(folder: Path, labels: list[int], names: list[str]) -> Path:
    """The layout of cleanlab/label-errors."""
    for part in ("cross_validated_predicted_labels", "dataset_indexing"):
        (folder / part).mkdir(parents=True)
    path = folder / "cross_validated_predicted_labels" / "imagenet_val_set_pyx_argmax_predicted_labels.npy"
    np.save(path, np.array(labels, np.uint16))
    (folder / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").write_text(json.dumps(names))
    return path


@pytest.fixture
def imagenet(workspace_url: str) -> Workspace:
    """A vocabulary of its own that shares two classes with ImageNet, in another order."""
    made = Workspace(workspace_url)
    rows = [{**class_row(0), "wnids": ["n01443537"]}, {**class_row(1), "wnids": ["n01440764"]}]
    put(made, "classes", rows)
    put(made, "images", [image("ILSVRC2012_val_00000001", 0), image("ILSVRC2012_val_00000002", 1)])
    return made


def test_the_label_errors_release(imagenet: Workspace, tmp_path: Path) -> None:
    names = [f"val/n01440764/ILSVRC2012_val_{n:08d}.JPEG" for n in (2, 1, 3)]
    path = release(tmp_path, [0, 1, 5], names)
    for given in (tmp_path, path):
        assert import_predictions(imagenet, "m", given) == {
            **{"predictions": 2, "dropped": 1},
            **{"repeated": 0, "missing": 0},
        }
        # ImageNet's class 0 (tench) is class 1 here; and it is of the image that the list of files names.
        assert read(imagenet) == {"ILSVRC2012_val_00000002": [1], "ILSVRC2012_val_00000001": [0]}


def test_a_damaged_label_errors_release(imagenet: Workspace, tmp_path: Path) -> None:
    names = [f"val/n01440764/ILSVRC2012_val_{n:08d}.JPEG" for n in (2, 1)]
    path = release(tmp_path / "short", [0], names)
    with pytest.raises(UsageError, match=r"lists 2 files, .* holds 1 classes"):
        import_predictions(imagenet, "m", path)
    path = release(tmp_path / "range", [0, 1000], names)
    with pytest.raises(UsageError, match="found 0 to 1000"):
        import_predictions(imagenet, "m", path)
    path = release(tmp_path / "names", [0, 1], names)
    (tmp_path / "names" / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").unlink()
    with pytest.raises(UsageError, match="says which class, but not of which image"):
        import_predictions(imagenet, "m", path)
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,)}\n"
    path.write_bytes(b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header)
    with pytest.raises(UsageError, match=r"promises int64 .*, 8,000,000,000,000 bytes, but 0 follow"):
        import_predictions(imagenet, "m", path)
    np.save(path, np.array([0, -1]))
    (tmp_path / "names" / "dataset_indexing" / "imagenet_val_set_index_to_filepath.json").write_text(json.dumps(names))
    with pytest.raises(UsageError, match="found -1 to 0"):
        import_predictions(imagenet, "m", path)
    np.save(path, np.zeros((2, 3)))
    with pytest.raises(UsageError, match="expected a list of class indices"):
        import_predictions(imagenet, "m", path)


def test_a_table_written_by_one_workspace_is_read_by_another(workspace: Workspace, tmp_path: Path) -> None:
    """A model predicts where the images are, and is judged where the votes are: with its recipe."""
    elsewhere = Workspace(tmp_path / "elsewhere")
    put(elsewhere, "predictions/m", [prediction("a", [7, 3]), prediction("b", [8])])
    for ending in (".csv", ".jsonl", ".parquet"):
        write_table(elsewhere, "predictions/m", tmp_path / f"p{ending}")
        import_predictions(workspace, "m", tmp_path / f"p{ending}")
        left, right = elsewhere.read("predictions/m"), workspace.read("predictions/m")
        pd.testing.assert_frame_equal(left, right)


def test_predicting_forgets_no_import_and_the_other_way_round(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "images", [image("a", 7)])
    import_predictions(workspace, "other", to_csv(ROWS, tmp_path / "p"))
    run = predictions.STEP
    finish(run, workspace, todo(run, workspace, predictions.PredictionSettings(models=())))
    assert read(workspace, "other") == EXPECTED
    own = [prediction("a", [3])]
    put(workspace, "predictions/own", own)
    with pytest.raises(UsageError, match="import the predictions under another name"):
        import_predictions(workspace, "own", to_csv(ROWS, tmp_path / "p"))
    import_predictions(workspace, "other", to_csv(ROWS[:1], tmp_path / "p"), replace=True)
    assert read(workspace, "own") == {"a": [3]} and read(workspace, "other") == {"a": [7]}
    with pytest.raises(UsageError, match="was imported"):
        settings = predictions.PredictionSettings(models=("efficientnet-lite0",))
        import_predictions(workspace, "efficientnet-lite0", to_csv(ROWS, tmp_path / "p"))
        predictions.plan(workspace, settings)


def test_the_same_import_again_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = to_csv(ROWS, tmp_path / "p")
    import_predictions(workspace, "m", path)
    before = workspace.entries(STAGE)
    import_predictions(workspace, "m", path)
    assert workspace.entries(STAGE) == before


def test_candidates_take_labels_without_probabilities(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "images", [image("a", 7), image("b", 7)])
    import_predictions(workspace, "unsure", to_csv(ROWS, tmp_path / "p"))
    put(workspace, "predictions/sure", [prediction("b", [3])])
    settings = candidates.CandidateSettings()
    for shard in candidates.plan(workspace, settings):
        run_shard(candidates.STEP, workspace, settings, shard)
    rows = workspace.read_arrow("candidates").to_pylist()
    found = {(row["image_id"], row["class_idx"]): (row["reasons"], row["score"]) for row in rows}
    # The label 3 of b has the score of the one model that says probabilities; c and d are not at hand.
    assert found == {
        ("a", 7): (["original", "unsure:1"], None),
        ("b", 3): (["sure:1", "unsure:1"], 0.5),
        ("b", 7): (["original"], 0.0),
        ("b", 8): (["unsure:2"], 0.0),
    }


def test_labels_in_another_order_are_warned_of(workspace_url: str, tmp_path: Path, caplog: Any) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "classes", [class_row(n) for n in range(1, 101)])
    put(workspace, "images", [image(f"i{n:03d}", 1 + n % 100) for n in range(300)])
    rows = [{"image_id": f"i{n:03d}", "class_idx": 1 + (n + 1) % 100} for n in range(300)]
    import_predictions(workspace, "m", to_csv(rows, tmp_path / "p"))
    assert "no better than guessing" in caplog.text


def test_the_command(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(to_csv(ROWS, tmp_path / "p"))
    assert main(["predict", "import", "-w", workspace.url, "--model", "m", path]) == 0
    assert "predictions 4, dropped 0, repeated 0, missing 0" in capsys.readouterr().out
    assert main(["predict", "import", path, "-w", workspace.url, "--model", "m:n"]) == 2
    assert "call it 'm-n'" in capsys.readouterr().err


def test_rows_that_come_again_count_once_and_contradictions_are_told(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"image_id": "a", "class_idx": [7, 3]}, {"image_id": "val/a.JPEG", "class_idx": ["dog", "tabby, cat"]}]
    assert import_predictions(workspace, "m", to_csv(rows, tmp_path / "p"))["repeated"] == 1
    assert read(workspace) == {"a": [7, 3]}
    with pytest.raises(UsageError, match=r"line 4: predicts \['3'\] for a, but .*line 2 says otherwise"):
        import_predictions(workspace, "n", to_csv([*rows, {"image_id": "a", "class_idx": 3}], tmp_path / "q"))
    with pytest.raises(UsageError, match=r"line 2: expected every class once, found \[7, 'dog'\]"):
        import_predictions(workspace, "n", to_csv([{"image_id": "a", "class_idx": [7, "dog"]}], tmp_path / "r"))
    assert imported_models(workspace) == {"m"}


def test_another_file_replaces_nothing_by_the_way_and_goes_out_again(workspace: Workspace, tmp_path: Path) -> None:
    import_predictions(workspace, "m", to_csv(ROWS[:2], tmp_path / "p"))
    import_predictions(workspace, "m", to_csv(ROWS, tmp_path / "q"))  # nothing is lost
    other = to_csv([{"image_id": "a", "class_idx": 3}], tmp_path / "r")
    with pytest.raises(UsageError, match=r"remove or change 4 of the 4 predictions of 'm' .*--replace"):
        import_predictions(workspace, "m", other)
    assert read(workspace) == EXPECTED
    import_predictions(workspace, "m", other, replace=True)
    assert read(workspace) == {"a": [3]}
    put(workspace, "predictions/own", [prediction("a", [3])])
    with pytest.raises(UsageError, match="the predictions of 'own' were not imported"):
        remove_predictions(workspace, "own")
    with pytest.raises(UsageError, match="unknown model with imported predictions 'k': expected one of: m"):
        remove_predictions(workspace, "k")
    assert remove_predictions(workspace, "m") == {"removed": 1}
    assert "predictions/m" not in workspace.tables() and read(workspace, "own") == {"a": [3]}


def test_columns_and_indices_as_pandas_writes_them(workspace: Workspace, tmp_path: Path) -> None:
    frame = pd.DataFrame({"file": ["val/a.JPEG", "b.jpg", "c"], "label": [7.0, None, -1.0], "score": [0.5, 0.5, 0.25]})
    columns = {"image_id": "file", "class_idx": "label", "probability": "score"}
    frame.dropna().to_csv(tmp_path / "p.csv")
    frame.dropna().to_parquet(tmp_path / "p.parquet")
    for model, suffix in (("m", ".csv"), ("n", ".parquet")):
        import_predictions(workspace, model, tmp_path / f"p{suffix}", columns=columns)
        assert read(workspace, model) == {"a": [7], "c": [-1]}
