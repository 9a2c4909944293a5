"""``reground table NAME --to FILE``: every table in every state and format, with the same values."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reground.flows.cli.main import main
from reground.tasks.schema import TABLES, arrow_schema, table
from reground.tasks.workspace import Workspace
from tests.support.tables import put
from tests.support.world import World, make_world

FAMILIES = ("variants", "predictions", "adversarial", "adversarial_pairs", "adversarial_margins")
FAMILIES += ("adversarial_backgrounds", "truths", "references")


def empty(folder: Path) -> Workspace:
    """Every table, without a row."""
    workspace = Workspace(folder / "w")
    for name in TABLES:
        put(workspace, f"{name}/m" if name in FAMILIES else name, [])
    return workspace


def half_made(folder: Path) -> Workspace:
    """Everything that can be done before anybody answers."""
    world = make_world(folder / "world", per_class=1)
    workspace = Workspace(folder / "w")
    run(workspace, "index", str(world.images), "--boxes", str(world.boxes))
    run(workspace, "masks")
    run(workspace, "variants")
    predictions(world, folder / "predictions.csv")
    run(workspace, "predict", "import", "--model", "m", str(folder / "predictions.csv"))
    run(workspace, "predict", "import", "--model", "n", str(folder / "predictions.csv"))
    for step in ("candidates", "truth", "evaluate"):
        run(workspace, step)
    return workspace


def whole(folder: Path) -> Workspace:
    """The same, with votes that settle some images, leave one in review, and say nothing of another."""
    workspace = half_made(folder)
    votes(workspace, folder / "votes.csv")
    run(workspace, "votes", "import", "--format", "csv", str(folder / "votes.csv"))
    for step in ("truth", "needs_vote", "evaluate", "report"):
        run(workspace, step)
    assert set(workspace.read("truth")["state"]) == {"settled", "in_review", "unreviewed"}
    assert workspace.read("evaluation")["n"].max() > 0
    return workspace


def run(workspace: Workspace, *words: str) -> None:
    assert main([*words, "-w", workspace.url]) == 0, words


def predictions(world: World, path: Path) -> None:
    """Of the first image with probabilities, of the others without."""
    first, *others = world.labels.items()
    lines = [
        f'{first[0]},"[{first[1]}, 1]","[0.7, 0.1]"',
        *(f'{image_id},"[{label}, 1]",' for image_id, label in others),
    ]
    path.write_text("\n".join(["image_id,class_idx,probability", *lines]) + "\n")


def votes(workspace: Workspace, path: Path) -> None:
    """Six people; they are tied on the first image, nobody is asked about the last."""
    images = workspace.read("images", ["image_id", "class_idx"]).to_dict("records")
    lines = [
        f"{row['image_id']},{row['class_idx']},p{person},{'no' if number == 0 and person < 3 else 'yes'}"
        for number, row in enumerate(images[:-1])
        for person in range(6)
    ]
    path.write_text("\n".join(["image_id,label,annotator,answer", *lines]) + "\n")


@pytest.fixture(scope="module", params=[empty, half_made, whole], ids=lambda make: make.__name__)
def workspace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    make: Callable[[Path], Workspace] = request.param
    return make(tmp_path_factory.mktemp(make.__name__))


def test_every_table_in_every_format(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.tables()
    for name in workspace.tables():
        files = {ending: tmp_path / f"table{ending}" for ending in (".parquet", ".jsonl", ".csv")}
        for path in files.values():
            assert main(["table", name, "-w", workspace.url, "--to", str(path)]) == 0, name
        written = pq.read_table(files[".parquet"])
        assert written.schema.equals(arrow_schema(name)), name
        assert sorted(map(repr, written.to_pylist())) == sorted(map(repr, workspace.read_arrow(name).to_pylist()))
        columns = [column for column in written.column_names if column not in ("image", "thumbnail")]
        text = pa.table({column: written[column] for column in columns})
        lines = [json.loads(line, parse_constant=refuse) for line in files[".jsonl"].read_text().splitlines()]
        assert [single(row, name) for row in lines] == [single(row, name) for row in text.to_pylist()], name
        with files[".csv"].open(newline="") as handle:
            head, *cells = csv.reader(handle)
        assert head == columns, name
        assert cells == [[cell(value) for value in row.values()] for row in lines], name


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def single(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Numbers as the table holds them; those that are not known None."""
    kinds = {column.name: column.type for column in table(name).columns}
    return {column: _single(value, "float32" in kinds[column]) for column, value in row.items()}


def _single(value: Any, narrow: bool) -> Any:
    if isinstance(value, list):
        return [_single(item, narrow) for item in value]
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else pa.scalar(value, pa.float32() if narrow else pa.float64()).as_py()


def cell(value: Any) -> str:
    """A value of JSON as a cell of a CSV."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def test_a_whole_number_stays_one_beside_a_null(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["table", "truth", "-w", workspace.url, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["data"]
    assert all(isinstance(row["original"], int) for row in rows)
    assert all(row["num_objects"] is None or isinstance(row["num_objects"], int) for row in rows)
