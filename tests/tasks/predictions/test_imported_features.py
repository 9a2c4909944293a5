"""Features made elsewhere: every file format, what is refused, and what lies beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reground.flows.cli.main import main
from reground.tasks.errors import UsageError
from reground.tasks.features import load_features
from reground.tasks.predictions import feature_files
from reground.tasks.predictions import step as predictions
from reground.tasks.predictions.importer import import_predictions, imported_models, remove_predictions
from reground.tasks.predictions.set_images import STAGE
from reground.tasks.workspace import Output, Workspace, write_table
from tests.support.features_world import feature_rows
from tests.support.tables import class_row, image, put

IDS = ["d", "b", "a", "c"]
VECTORS = np.array([[4, 0.5], [2, -0.25], [1, 0], [3, 1024]], np.float32)
EXPECTED = {"a": [1, 0], "b": [2, -0.25], "c": [3, 1024], "d": [4, 0.5]}
COUNTS = {"features": 4, "features_dropped": 0, "features_repeated": 0, "features_missing": 0}

Write = Callable[[Path, Sequence[Any], np.ndarray], Path]


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    workspace = Workspace(workspace_url)
    put(workspace, "classes", [class_row(7), class_row(8)])
    put(workspace, "images", [image(image_id, 7) for image_id in "abcd"])
    return workspace


def to_npz(path: Path, ids: Sequence[Any], vectors: np.ndarray, **more: Any) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), image_id=np.array(ids), vector=vectors, **more)
    return path.with_suffix(".npz")


def to_npy(path: Path, ids: Sequence[Any], vectors: np.ndarray) -> Path:
    np.save(path.with_suffix(".npy"), vectors)
    path.with_suffix(".json").write_text(json.dumps(list(ids)))
    return path.with_suffix(".npy")


def to_parquet(path: Path, ids: Sequence[Any], vectors: Any, kind: pa.DataType | None = None, **more: Any) -> Path:
    rows = [None if row is None else list(row) for row in vectors]
    columns = {"image_id": list(ids), "vector": pa.array(rows, kind or pa.list_(pa.float64())), **more}
    pq.write_table(pa.table(columns), path.with_suffix(".parquet"), row_group_size=3)
    return path.with_suffix(".parquet")


def to_fixed(path: Path, ids: Sequence[Any], vectors: np.ndarray) -> Path:
    return to_parquet(path, ids, vectors, pa.list_(pa.float32(), 2))


WRITE = [to_npz, to_npy, to_parquet, to_fixed]


def read(workspace: Workspace, model: str = "m", set_name: str = "photographs") -> dict[str, list[float]]:
    features = load_features(workspace, model, set_name)
    return dict(zip(features.image_ids, features.vectors.tolist(), strict=True))


@pytest.mark.parametrize("write", WRITE)
def test_every_format_goes_by_the_ids_not_the_order(workspace: Workspace, tmp_path: Path, write: Write) -> None:
    assert import_predictions(workspace, "m", None, features=write(tmp_path / "f", IDS, VECTORS)) == COUNTS
    assert read(workspace) == EXPECTED
    recipe = json.loads(workspace.read("features/m")["recipe"][0])
    assert recipe["imported"].startswith("f.") and len(recipe["sha256"]) == 64
    assert imported_models(workspace) == {"m"} and "predictions/m" not in workspace.tables()


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int32, ">f4", np.longdouble])
def test_every_type_of_numbers(workspace: Workspace, tmp_path: Path, kind: Any) -> None:
    vectors = VECTORS.round().astype(kind)
    import_predictions(workspace, "m", None, features=to_npz(tmp_path / "f", IDS, vectors))
    assert list(read(workspace).values()) == [[1, 0], [2, 0], [3, 1024], [4, 0]]


def test_large_files_are_read_in_pieces(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "PIECE", 20)  # two rows and a half
    import_predictions(workspace, "m", None, features=to_npz(tmp_path / "f", IDS, VECTORS))
    assert read(workspace) == EXPECTED


@pytest.mark.parametrize("write", WRITE)
def test_unknown_images_are_dropped_missing_ones_counted_and_repeated_ones_once(
    workspace: Workspace, tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    ids, vectors = ["val/b.JPEG", "x", "b", "a"], np.array([[2, 1], [9, 9], [2, 1], [1, 1]])
    counts = import_predictions(workspace, "m", None, features=write(tmp_path / "f", ids, vectors))
    assert counts == {"features": 2, "features_dropped": 1, "features_repeated": 1, "features_missing": 2}
    assert read(workspace) == {"a": [1, 1], "b": [2, 1]}
    dropped = workspace.read("dropped").to_dict("records")
    assert [(row["stage"], row["item"], row["reason"]) for row in dropped] == [(STAGE, "x", "image_unknown")]
    assert "row 2: no image x among photographs" in dropped[0]["detail"] and "left out 1 image_unknown" in caplog.text


BAD_VECTORS: dict[str, tuple[Any, str]] = {
    "nan": ([[1, 0], [np.nan, 0], [0, 1], [0, 1]], "row 2: expected features that float16 holds"),
    "infinite": ([[1, 0], [1, 0], [0, -np.inf], [0, 1]], "row 3: expected features that float16 holds"),
    "large": ([[1, 0], [1, 0], [1, 1], [1e5, 0]], "row 4: .*up to 65,504.*found 0 to 100000"),
    "larger than squares hold": ([[1e300, 0], [1, 0], [1, 1], [1, 0]], "row 1: .*found 0 to 1e[+]300"),
    "nothing left in float16": ([[1, 0], [1e-9, 1e-10], [1, 1], [1, 0]], "row 2: .*at least 3e-6.*to 1e-09"),
    "no numbers": (np.zeros((4, 0)), "some"),
}


@pytest.mark.parametrize("write", [to_npz, to_npy, to_parquet])
@pytest.mark.parametrize("fault", BAD_VECTORS)
def test_numbers_that_are_no_features(workspace: Workspace, tmp_path: Path, write: Write, fault: str) -> None:
    vectors, message = BAD_VECTORS[fault]
    with pytest.raises(UsageError, match=message):
        import_predictions(workspace, "m", None, features=write(tmp_path / "f", IDS, np.array(vectors)))
    assert "features/m" not in workspace.tables()


def ragged(path: Path) -> Path:
    return to_parquet(path, IDS, [[1, 2], [1, 2], [1, 2], [1, 2, 3]])


BAD_FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "widths": (ragged, "row 4: expected vector to have 2 numbers, as in the first row, found 3"),
    "null vector": (lambda p: to_parquet(p, IDS, [[1, 2], None, [1, 2], [1, 2]]), "row 2: .* found 0"),
    "null number": (lambda p: to_parquet(p, IDS, [[1, 2], [1, None], [1, 2], [1, 2]]), "row 2: .*float16"),
    "texts": (lambda p: to_parquet(p, IDS, [["1"]] * 4, pa.list_(pa.string())), "list of numbers .* found list"),
    "null id": (lambda p: to_parquet(p, ["a", None, "b", "c"], VECTORS), "row 2: expected image_id to be text"),
    "empty id": (lambda p: to_npz(p, ["a", "", "b", "c"], VECTORS), "row 2: expected image_id to be text"),
    "number for an id": (lambda p: to_npy(p, ["a", {}, "b", "c"], VECTORS), r"f\.json, row 2: expected image_id"),
    "unknown column": (lambda p: to_parquet(p, IDS, VECTORS, sett=IDS), "unknown column .*'sett'"),
    "unknown array": (lambda p: to_npz(p, IDS, VECTORS, sets=np.array(IDS)), "unknown column .*'sets'"),
    "no vectors": (lambda p: np.savez(p, image_id=IDS) or p.with_suffix(".npz"), "Missing: vector"),
    "too few ids": (lambda p: to_npz(p, IDS[:3], VECTORS), "a row for each of 3 image ids, found 4"),
    "too few sets": (lambda p: to_npz(p, IDS, VECTORS, set=np.array(["original"])), "a set for each of 4"),
    "one vector": (lambda p: to_npz(p, IDS, VECTORS[:, 0]), r"a row an image, found float32 \(4,\)"),
    "maps": (lambda p: to_npz(p, IDS, VECTORS[:, :, None, None]), r"a row an image, found float32 \(4, 2, 1, 1\)"),
    "complex": (lambda p: to_npz(p, IDS, VECTORS * 1j), "an array of numbers"),
    "columns first": (lambda p: to_npz(p, IDS, np.asfortranarray(VECTORS)), "ascontiguousarray"),
    "pickled": (lambda p: to_npz(p, IDS, VECTORS.astype(object)), "an array of numbers"),
    "pickled ids": (lambda p: to_npz(p, [*IDS[:3], None], VECTORS), "no pickled objects"),
    "not UTF-8": (lambda p: to_npz(p, [b"\xff"] * 4, VECTORS), "damaged ones"),
    "twice": (lambda p: to_npz(p, ["a", "b", "a.png", "c"], VECTORS), "row 3: has other features of a than .*row 1"),
    "unknown set": (lambda p: to_npz(p, IDS, VECTORS, set=np.array(["mixed"] * 4)), "row 1.*'mixed'.*photographs"),
    "unknown images": (lambda p: to_npz(p, list("wxyz"), VECTORS), r"image ids such as a, b\), .* none of the 4"),
    "no rows": (lambda p: to_parquet(p, [], []), "expected features .*found none"),
    "suffix": (lambda p: p.with_suffix(".csv"), "'.csv'.*expected one of: .*npz"),
    "missing": (lambda p: p.with_suffix(".npz"), "cannot be read: .*No such file"),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_malformed_file_is_one_clear_error(workspace: Workspace, tmp_path: Path, fault: str) -> None:
    write, message = BAD_FILES[fault]
    with pytest.raises(UsageError, match=message):
        import_predictions(workspace, "m", None, features=write(tmp_path / "f"))
    assert "features/m" not in workspace.tables()


def test_damaged_and_hostile_files(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not of which images.*f\.json"):
        path = to_npy(tmp_path / "f", IDS, VECTORS)
        path.with_suffix(".json").unlink()
        import_predictions(workspace, "m", None, features=path)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 100000000)}\n"
    path = to_npy(tmp_path / "g", IDS, VECTORS)
    path.write_bytes(b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header)
    with pytest.raises(UsageError, match=r"ends early: its header promises float32 \(4, 100000000\)"):
        import_predictions(workspace, "m", None, features=path)
    path.write_bytes(path.read_bytes().replace(b"100000000", b"900000000"))
    with pytest.raises(UsageError, match="up to 2,147,483,647 numbers"):
        import_predictions(workspace, "m", None, features=path)
    for suffix in feature_files.READERS:
        path = to_npy(tmp_path / "h", IDS, VECTORS).with_suffix(suffix)
        path.write_bytes(b"PAR1 no")
        with pytest.raises(UsageError, match="cannot be read"):
            import_predictions(workspace, "m", None, features=path)


def test_predictions_and_features_are_one_entry_and_go_together(workspace: Workspace, tmp_path: Path) -> None:
    table, file = tmp_path / "p.csv", to_npz(tmp_path / "f", IDS, VECTORS)
    table.write_text("image_id,class_idx\na,7\n")
    counts = import_predictions(workspace, "m", table, features=file)
    assert counts == {"predictions": 1, "dropped": 0, "repeated": 0, "missing": 3, **COUNTS}
    before = workspace.entries(STAGE)
    assert [entry.shard for entry in before] == ["m"]
    import_predictions(workspace, "m", table, features=file)
    assert workspace.entries(STAGE) == before
    assert remove_predictions(workspace, "m") == {"removed": 1, "features_removed": 4}
    assert not {"predictions/m", "features/m"} & {*workspace.tables()}


def test_another_import_takes_nothing_away_unless_asked_to(workspace: Workspace, tmp_path: Path) -> None:
    table, file = tmp_path / "p.csv", to_npz(tmp_path / "f", IDS[:2], VECTORS[:2])
    table.write_text("image_id,class_idx\na,7\n")
    import_predictions(workspace, "m", table, features=file)
    with pytest.raises(UsageError, match=r"remove or change 2 of the 2 features of 'm'.*--features too"):
        import_predictions(workspace, "m", table)
    with pytest.raises(UsageError, match=r"remove or change 1 of the 1 predictions of 'm'.*file of predictions too"):
        import_predictions(workspace, "m", None, features=file)
    changed = to_npz(tmp_path / "g", IDS, VECTORS + np.array([[0, 0], [1, 0], [0, 0], [0, 0]]))
    with pytest.raises(UsageError, match=r"remove or change 1 of the 2 features .*image_id b"):
        import_predictions(workspace, "m", table, features=changed)
    assert read(workspace) == {image_id: EXPECTED[image_id] for image_id in "bd"}
    more = to_npz(tmp_path / "h", IDS, VECTORS)
    import_predictions(workspace, "m", table, features=more)
    assert read(workspace) == EXPECTED
    import_predictions(workspace, "m", table, replace=True)
    assert "features/m" not in workspace.tables() and len(workspace.read("predictions/m")) == 1


def test_a_table_of_one_workspace_is_read_by_another(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    rows = [
        {**row, "image_id": "abcd"[n], "recipe": f'{{"n": {n}}}'}
        for n, row in enumerate(feature_rows(VECTORS.astype(np.float16)))
    ]
    variant = {**rows[0], "set": "original", "vector": [5.0, 5.0]}
    elsewhere.commit("predict", "m", "0" * 32, Output({"features/m": [*rows, variant]}))
    put(workspace, "variants/original", [{**VARIANT, "image_id": "a"}])
    write_table(elsewhere, "features/m", tmp_path / "f.parquet")
    assert import_predictions(workspace, "m", None, features=tmp_path / "f.parquet") == {**COUNTS, "features": 5}
    assert read(workspace, "m", "original") == {"a": [5, 5]}
    left, right = (place.read_arrow("features/m").to_pylist() for place in (elsewhere, workspace))
    assert sorted(left, key=str) == sorted(right, key=str)


VARIANT = {
    "background_id": None, "class_idx": 7, "group": 0, "background_group": None, "seed": 0,
    "image": {"bytes": b"", "path": "a.png"},
}  # fmt: skip


def test_a_name_belongs_to_predict_or_to_an_import(workspace: Workspace, tmp_path: Path) -> None:
    file = to_npz(tmp_path / "f", IDS, VECTORS)
    import_predictions(workspace, "efficientnet-lite0", None, features=file)
    with pytest.raises(UsageError, match=r"features/efficientnet-lite0 in .* was imported"):
        predictions.plan(workspace, predictions.PredictionSettings(models=("efficientnet-lite0",)))
    workspace.commit("predict", "own", "0" * 32, Output({"features/own": feature_rows(VECTORS.astype(np.float16))}))
    with pytest.raises(UsageError, match=r"run by `reground predict` .*\(table features/own\)"):
        import_predictions(workspace, "own", None, features=file)
    with pytest.raises(UsageError, match="'own' were not imported"):
        remove_predictions(workspace, "own")


def test_the_command(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["predict", "import", "-w", workspace.url, "--model", "m"]
    assert main(command) == 2
    assert "expected a file of predictions, --features FILE, or both" in capsys.readouterr().err
    file = str(to_npz(tmp_path / "f", IDS, VECTORS))
    assert main([*command, "--features", file, "--columns", "image_id=file"]) == 2
    assert "expected --columns with a file of predictions" in capsys.readouterr().err
    assert main([*command, "--features", file]) == 0
    assert "features 4, features dropped 0, features repeated 0, features missing 0" in capsys.readouterr().out
    assert main(["status", "-w", workspace.url]) == 0
    assert "features of m: 4 (imported)" in capsys.readouterr().out
    assert main(["predict", "remove", "-w", workspace.url, "--model", "m"]) == 0
    assert "removed 0, features removed 4" in capsys.readouterr().out
