"""`import reground`: light to import, and under the same rules as the command line."""

from __future__ import annotations

import inspect
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import reground
from reground.flows.cli.main import main
from reground.tasks import export, models, workspace
from reground.tasks.masks import decode_mask
from tests.support.registries import registrations
from tests.support.toy import toys
from tests.support.world import World

__all__ = ["registrations"]

pytestmark = pytest.mark.usefixtures("registrations")


def opened(folder: Path) -> reground.Workspace:
    return reground.open(folder / "W", quiet=True)


# Imported


def test_importing_it_loads_no_dependency() -> None:
    code = "import sys; before = set(sys.modules); import reground; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    top = {name.partition(".")[0] for name in done.stdout.split()}
    assert top - sys.stdlib_module_names == {"reground"}


def test_opening_and_reading_loads_neither_torch_nor_prefect(tmp_path: Path) -> None:
    code = (
        "import reground, sys; workspace = reground.open(sys.argv[1]); workspace.tables(); repr(workspace);"
        "workspace.settings(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "W")], check=True, capture_output=True, text=True)
    assert not {"torch", "prefect", "label_studio_sdk"} & {name.partition(".")[0] for name in done.stdout.split()}
    assert not (tmp_path / "W").exists()


def test_every_name_is_there_for_people_and_type_checkers() -> None:
    assert dir(reground) == sorted([*reground.__all__, "__version__"])
    for name in reground.__all__:
        assert getattr(reground, name).__doc__, name
    source = inspect.getsource(reground)
    assert all(source.count(name) >= 3 for name in reground.__all__ if not name.endswith("Error"))
    with pytest.raises(AttributeError, match="module 'reground' has no attribute 'opne'"):
        reground.opne  # type: ignore[attr-defined]  # noqa: B018


def test_errors_are_those_of_the_command_line() -> None:
    from reground.tasks.errors import RegroundError, UsageError

    assert (reground.RegroundError, reground.UsageError) == (RegroundError, UsageError)


# Tables


def test_tables_as_frames_and_as_arrow(tmp_path: Path) -> None:
    here = opened(tmp_path)
    with toys():
        here.run("index")
    frame, whole = here.read("images", ["image_id", "width"]), here.read_arrow("images")
    assert isinstance(frame, pd.DataFrame) and list(frame) == ["image_id", "width"] and len(frame) == 24
    assert isinstance(whole, pa.Table) and sorted(whole["image_id"].to_pylist()) == frame["image_id"].tolist()
    assert here.tables() == {"images": 24}
    assert repr(here) == f"reground.open('{tmp_path / 'W'}'): images (24)"
    assert "<td>images</td><td style='text-align: right'>24</td>" in here._repr_html_()


def test_a_table_that_nobody_made_is_an_error_and_not_empty(tmp_path: Path) -> None:
    here = opened(tmp_path)
    for read in (here.read, here.read_arrow):
        with pytest.raises(reground.RegroundError, match=r"expected the table 'truth' in .*made so far: none"):
            read("truth")
        with pytest.raises(reground.UsageError, match="unknown table 'thruth'"):
            read("thruth")
        with pytest.raises(reground.UsageError, match="unknown column of truth 'labls': did you mean 'labels'"):
            read("truth", ["labls"])
    assert not (tmp_path / "W").exists()


# Steps


def test_a_step_takes_its_settings_by_name_and_the_workspace_remembers_them(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.images.parent)
    here = opened(tmp_path)
    summary = here.run("index", images="images", boxes=Path("boxes"), shard_size=5)
    assert summary.rows["images"] == len(world.labels) and "images: 21" in repr(summary)
    settings = here.settings()
    assert settings.loc["index.images", "value"] == str(world.images)
    assert settings.loc["index.boxes", "value"] == str(world.boxes)
    assert settings.loc["index.shard_size", "source"].startswith("workspace")
    assert settings.loc["masks.method", "source"] == "default"
    monkeypatch.chdir(tmp_path)
    assert main(["index", "-w", "W", "--json"]) == 0  # with the settings of the notebook


def test_the_same_bytes_as_on_the_command_line(tmp_path: Path, world: World) -> None:
    opened(tmp_path).run("index", images=world.images, boxes=world.boxes)
    assert main(["index", str(world.images), "--boxes", str(world.boxes), "-w", str(tmp_path / "V")]) == 0
    one, other = (
        {entry.shard: (entry.key, entry.tables) for entry in workspace.Workspace(tmp_path / name).entries("index")}
        for name in ("W", "V")
    )
    assert one == other and one


@pytest.mark.parametrize(
    ("step", "settings", "message"),
    [
        ("mask", {}, "unknown step 'mask': did you mean 'masks'"),
        ("masks", {"methd": "grabcut"}, "unknown setting 'masks.methd'"),
        ("masks", {"method": "watershed"}, "unknown mask method 'watershed'"),
        ("masks", {"seed": -1, "min_quality": 2}, "2 settings cannot be used"),
        ("index", {"runner": "dask"}, "unknown runner 'dask'"),
    ],
)
def test_a_refused_call_leaves_no_trace(tmp_path: Path, step: str, settings: dict, message: str) -> None:
    with pytest.raises(reground.UsageError, match=message):
        opened(tmp_path).run(step, **settings)
    assert not (tmp_path / "W").exists()


def test_everything_runs_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with toys():
        with pytest.raises(reground.UsageError, match="unknown step 'boxes'"):
            opened(tmp_path).run_all("nowhere", boxes="boxes")  # type: ignore[arg-type]
        summary = opened(tmp_path).run_all("nowhere", index={"shard_size": 5}, masks={"seed": 3}, runner="threads:1")
    assert summary.rows["images"] == 24 and summary.rows["masks"] == 18
    settings = opened(tmp_path).settings()["value"]
    assert (settings["masks.seed"], settings["index.shard_size"], settings["index.images"]) == (3, 5, "nowhere")
    assert capsys.readouterr().err == ""


def test_progress_is_shown_unless_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with toys():
        reground.open(tmp_path / "W").run("index")
    assert "index" in capsys.readouterr().err


def test_a_held_workspace_is_waited_for(tmp_path: Path) -> None:
    here = opened(tmp_path)
    with toys():
        here.run("index")
    held = workspace.Workspace(tmp_path / "W")
    code = f"import reground; reground.open({str(tmp_path / 'W')!r}, quiet=True).import_votes('csv', 'nowhere.csv')"
    with held.lock("reground demo"):
        waiting = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None and "held by `reground demo`" in waiting.stderr.readline()
    assert waiting.wait() == 1 and "UsageError" in waiting.stderr.read()


# Extensions of this process


def test_a_registered_mask_method_makes_masks_and_another_version_makes_them_again(
    tmp_path: Path, world: World
) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images, boxes=world.boxes)

    @reground.register_mask_method("frame", version="1")
    def whole_box(pixels: np.ndarray, box: object, seed: int) -> np.ndarray:
        return np.ones(pixels.shape[:2], np.bool_)

    here.run("masks", method="frame", runner="threads:2")
    rows = here.read("masks")
    assert set(rows["method"]) == {"frame (this session 1)"} and set(rows["area_ratio"]) == {1.0}

    reground.register_mask_method("frame", ellipse, version="2")
    here.run("masks")
    for row in here.read("masks").to_dict("records"):
        mask = decode_mask(row["rle"], row["height"], row["width"])
        assert row["method"] == "frame (this session 2)"
        assert np.mean(mask == world.masks[row["image_id"]]) > 0.98


def ellipse(pixels: np.ndarray, box: tuple[int, int, int, int], seed: int) -> np.ndarray:
    xmin, ymin, xmax, ymax = box
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    centre, radius = ((xmin + xmax) / 2, (ymin + ymax) / 2), ((xmax - xmin) / 2, (ymax - ymin) / 2)
    return ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 <= 1


def test_worker_processes_lack_what_is_registered_and_say_so(tmp_path: Path, world: World) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images, boxes=world.boxes, shard_size=5)
    reground.register_mask_method("frame", ellipse)
    with pytest.raises(reground.RegroundError, match=r"unknown mask method 'frame'.*needs the runner threads"):
        here.run("masks", method="frame", runner="processes:2")
    here.run("masks", method="frame", runner="threads")
    assert here.tables()["masks"] > 0


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (np.ones((3, 3), np.bool_), r"as bool of \d+ x \d+, got bool of 3 x 3"),
        (np.ones((300, 300)), r"as bool of \d+ x \d+, got float64"),
        (None, r"got object of"),
    ],
)
def test_a_mask_of_another_kind_is_refused(tmp_path: Path, world: World, made: object, message: str) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images, boxes=world.boxes)
    reground.register_mask_method("odd", lambda pixels, box, seed: made, version="1")
    with pytest.raises(reground.RegroundError, match=message):
        here.run("masks", method="odd")
    assert "masks" not in here.tables()


class Constant:
    """A model that answers everything with one array."""

    class_count, wnids = 1000, ()
    photograph = square = models.Preprocessing("decode|resize(8, nearest)|value_range(0, 1)")
    answer = np.full(1000, 1e-3)

    def __init__(self, name: str, device: str) -> None:
        self.name = name

    def recipe(self, preprocessing: models.Preprocessing) -> models.Recipe:
        return models.Recipe("none", "", preprocessing.spec, "Pillow", "float32", "cpu", "numpy")

    def predict(self, batch: np.ndarray) -> np.ndarray:
        return np.tile(self.answer, (len(batch), 1))


def test_a_registered_model_predicts(tmp_path: Path, world: World) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images)
    reground.register_model("constant", Constant)
    here.run("predict", models="constant,constant:b", on="photographs")
    assert here.tables()["predictions/constant-b"] == len(world.labels)
    recipes = {json.loads(recipe)["plugin"] for recipe in here.read("predictions/constant")["recipe"]}
    assert len(recipes) == 1 and recipes.pop().startswith("this session ")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"answer": np.full(1000, 2.0)}, "expected probabilities of 'odd' in the shape"),
        ({"answer": np.full(1000, np.nan)}, "expected probabilities of 'odd'"),
        ({"answer": np.full(999, 1e-3)}, r"in the shape \(\d+, 1000\), got \(\d+, 999\)"),
        ({"wnids": ("n02085620",)}, "its attribute 'wnids' is"),
        ({"square": "decode"}, "its attribute 'square' is 'decode'"),
        ({"recipe": None}, "its attribute 'recipe' is None"),
    ],
)
def test_a_model_that_does_not_follow_the_protocol(
    tmp_path: Path, world: World, attributes: dict, message: str
) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images)
    reground.register_model("odd", type("Odd", (Constant,), attributes), version="1")
    with pytest.raises(reground.RegroundError, match=message):
        here.run("predict", models=["odd"], on=["photographs"])


@pytest.mark.slow
def test_a_search_needs_a_torch_network_and_says_so(tmp_path: Path, world: World) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images, boxes=world.boxes)
    reground.register_mask_method("ellipse", ellipse)
    here.run("masks", method="ellipse")
    here.run("variants")
    reground.register_model("constant", Constant)
    with pytest.raises(reground.UsageError, match=r"expected a torch network .*'constant' is of type Constant"):
        here.run("adversarial", models=["constant"])


def test_registered_formats_bring_votes_in_and_the_truth_out(tmp_path: Path, world: World) -> None:
    here = opened(tmp_path)
    here.run("index", images=world.images)

    @reground.register_votes_format("pairs")
    def read(path: Path):
        for line in path.read_text().splitlines():
            image_id, label = line.split()
            for who in "abcde":
                yield {"image_id": image_id, "label": int(label), "annotator": who, "answer": "yes", "main": True}

    @reground.register_export_format("ids")
    def write(dataset: export.Dataset, folder: Path) -> None:
        (folder / "ids.json").write_text(json.dumps({image.image_id: image.labels for image in dataset}))

    (tmp_path / "pairs.txt").write_text("".join(f"{image_id} {label}\n" for image_id, label in world.labels.items()))
    counts = here.import_votes("pairs", tmp_path / "pairs.txt")
    assert counts["votes"] == 5 * len(world.labels) and counts["dropped"] == 0
    here.run("truth")
    out = here.export("ids", tmp_path / "out")
    assert json.loads((out / "ids.json").read_text()) == {name: [label] for name, label in world.labels.items()}
    assert "ids (this session" in (out / "DATA_CARD.md").read_text()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"label": 151, "annotator": "a", "answer": "yes"}, "row 1: expected image_id to be filled in"),
        (
            {"image_id": "x", "label": 151, "annotator": "a", "answer": "perhaps"},
            r"unknown answer \(.*row 1\) 'perhaps'",
        ),
        ({"image_id": "x", "lable": 151}, r"unknown column \(.*row 1\) 'lable'"),
        (7, "cannot read votes there: TypeError"),
    ],
)
def test_rows_of_votes_are_checked_as_those_of_a_csv(tmp_path: Path, row: object, message: str) -> None:
    reground.register_votes_format("rows", lambda path: [row], version="1")
    with pytest.raises(reground.UsageError, match=message):
        opened(tmp_path).import_votes("rows", tmp_path)


def test_an_exporter_of_photographs_lists_those_that_are_missing(tmp_path: Path, world: World) -> None:
    here = opened(tmp_path)
    (tmp_path / "people.csv").write_text(
        "image_id,label,annotator,answer\nn02085620_0000,151,ann,yes\nelsewhere,8,ann,yes\n"
    )
    here.import_votes("csv", tmp_path / "people.csv")
    here.run("index", images=world.images)
    here.run("truth", min_annotators=1)
    reground.register_export_format("names", export.Exporter(write_names, photographs=True))
    out = here.export("names", tmp_path / "out")
    assert len((out / "names.txt").read_text().split()) == len(world.labels)
    assert "elsewhere,no photograph at hand" in (out / "left_out.csv").read_text()


def write_names(dataset: export.Dataset, folder: Path) -> None:
    (folder / "names.txt").write_text("\n".join(image.image_id for image, _ in dataset.with_photo()))


def test_registering_over_another_is_refused_and_wrong_kinds_are_named() -> None:
    with pytest.raises(reground.UsageError, match="cannot register the model 'timm': the name is built in"):
        reground.register_model("timm", Constant)
    with pytest.raises(
        reground.UsageError, match=r"expected a function \(pixels, box, seed\) -> mask or a MaskMethod, got int"
    ):
        reground.register_mask_method("seven", 7)
    with pytest.raises(reground.UsageError, match="the name is built in"):
        reground.register_votes_format("label-studio", lambda path: [])


def test_findings_of_steps_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "reground"), toys():
        opened(tmp_path).run("index")
    assert all(record.name.startswith("reground") for record in caplog.records)


def test_published_labels_come_in_and_are_compared(tmp_path: Path) -> None:
    pd.DataFrame({"image_id": ["a", "b"], "label": ["tench", "goldfish"]}).to_csv(tmp_path / "x.csv", index=False)
    pd.DataFrame({"image_id": ["a", "b"], "label": ["tench", "tench"]}).to_parquet(tmp_path / "y.parquet")
    here = opened(tmp_path)
    done = here.import_truth("x", tmp_path / "x.csv")
    here.import_truth("y", tmp_path / "y.parquet", min_confidence=0.5)
    assert (done.reference["labels"], done.replaced) == (2, None)
    assert here.compare_truths("x", "y").scores[0].agreement.precision.value == 0.5
    with pytest.raises(reground.UsageError, match="unknown option of a reference truth 'minimum'"):
        here.import_truth("x", tmp_path / "x.csv", minimum=0.5)
