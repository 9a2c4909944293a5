"""Whole runs on photographs in a bucket: the tables that the same files in a folder give."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from reground.flows.cli.main import main
from reground.tasks.workspace import Workspace
from tests.support.bucket import Bucket
from tests.support.world import World, make_world

TABLES = ("images", "masks", "variants/only_fg", "variants/mixed_rand", "dropped")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    made = make_world(folder, per_class=2)
    for image_id, mask in made.masks.items():
        (folder / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(folder / "masks" / f"{image_id}.png")
    return made


def tables(workspace: str, root: str) -> dict[str, pd.DataFrame]:
    frames = {name: Workspace(workspace).read(name) for name in TABLES}
    return {name: frame.map(lambda cell: _without(cell, root)) for name, frame in frames.items()}


def _without(cell: object, root: str) -> object:
    return cell.replace(root, "ROOT") if isinstance(cell, str) else cell


def run(root: str, workspace: str, runner: str, masks: str) -> None:
    options = ["-w", workspace, "--runner", runner]
    assert main(["index", f"{root}/images", "--boxes", f"{root}/boxes", "--shard-size", "4", *options]) == 0
    assert main(["masks", "--method", masks, *options]) == 0
    assert main(["variants", *options]) == 0


@pytest.mark.parametrize("runner", ["threads:2", "processes:2"])
def test_threads_and_processes_make_the_tables_of_a_folder(
    tmp_path: Path, world: World, bucket: Bucket, runner: str
) -> None:
    folder = world.images.parent
    url = bucket.upload(folder, "world")
    run(str(folder), str(tmp_path / "local"), "threads:2", f"supplied:{folder}/masks")
    run(url, str(tmp_path / "remote"), runner, f"supplied:{url}/masks")
    local = tables(str(tmp_path / "local"), str(folder))
    for name, frame in tables(str(tmp_path / "remote"), url).items():
        assert len(frame) or name == "dropped"
        pd.testing.assert_frame_equal(frame, local[name])


def test_one_photograph_that_is_gone_fails_the_step_and_names_it(
    tmp_path: Path, world: World, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    url = bucket.upload(world.images, "images")
    workspace = str(tmp_path / "w")
    assert main(["index", url, "--boxes", str(world.boxes), "-w", workspace]) == 0
    gone = next(iter(world.masks))
    bucket.storage.delete([f"images/{gone.partition('_')[0]}/{gone}.png"])
    assert main(["masks", "-w", workspace]) == 1
    assert f"expected the indexed image at {url}/{gone.partition('_')[0]}/{gone}.png" in capsys.readouterr().err
    assert main(["index", "-w", workspace]) == 0
    assert main(["masks", "-w", workspace]) == 0
    assert len(Workspace(workspace).read("masks")) == len(world.masks) - 1


def test_without_credentials_the_command_says_which_to_set(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert main(["index", f"{bucket.url}/val", "-w", str(tmp_path / "w")]) == 1
    assert "no credentials for s3://" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("words", [["table", "images", "--to"], ["export", "--format", "real"]])
def test_a_file_that_has_to_be_on_this_machine_is_not_written_to_a_folder_called_s3(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*words, "s3://bucket/out.csv", "-w", "w"]) == 2
    assert "expected a file or folder of this machine, got s3://bucket/out.csv" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
