"""A set that grows, shrinks or changes: what is made again, and that the workspace is as one made at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from reground.flows import steps
from reground.flows.run import run_step
from reground.tasks import schema
from reground.tasks.images import IndexSettings
from reground.tasks.masks import MaskSettings
from reground.tasks.predictions import PREDICT, PredictionSettings
from reground.tasks.variants import VariantSettings
from reground.tasks.variants import step as variants_step
from reground.tasks.workspace import Output, StepPlan, Workspace, retire, run_shard, todo
from tests.support.masks_world import TWO_THREADS, quiet
from tests.support.world import CLASSES, write_box

SHARD_SIZE = 3
SIDE = 48
WNIDS = [wnid for wnid, group in CLASSES.values() if group >= 0]
SAME, OTHER_PIXELS, OTHER_BOX, OTHER_CLASS = range(4)
States = Mapping[int, int]
"""Number of a photograph -> its version, one of the four above."""

STATES = st.dictionaries(st.integers(0, 11), st.sampled_from([SAME, OTHER_PIXELS, OTHER_BOX, OTHER_CLASS]), min_size=2)


def write(folder: Path, states: States) -> None:
    """Photographs of some textured squares and their boxes; equal states are equal files, times included."""
    for path in [*folder.rglob("*.png"), *folder.rglob("*.xml")]:
        path.unlink()
    (folder / "boxes").mkdir(exist_ok=True)
    for number, version in states.items():
        wnid = WNIDS[(number + (version == OTHER_CLASS)) % len(WNIDS)]
        rng = np.random.default_rng([number, version == OTHER_PIXELS])
        pixels = rng.integers(20, 120, (SIDE, SIDE, 3)).astype(np.uint8)
        mask = np.zeros((SIDE, SIDE), np.bool_)
        mask[14:34, 14 : 32 + 2 * (version == OTHER_BOX)] = True
        pixels[16:32, 16:30] = rng.integers(150, 255, 3)
        image, box = folder / "images" / wnid / f"p{number}.png", folder / "boxes" / f"p{number}.xml"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(image)
        write_box(box, mask, wnid)
        for path in (image, box):
            os.utime(path, ns=(10**18, 10**18 + version))


def curate(folder: Path, name: str, min_quality: float = 0.0) -> tuple[Workspace, dict[str, StepPlan]]:
    """Index, masks and variants of the photographs in a folder, in the workspace of that name."""
    workspace = Workspace(folder / name)
    settings_of = step_settings(folder, min_quality).items()
    plans = {step: run_step(step, workspace, values, TWO_THREADS, quiet(folder)) for step, values in settings_of}
    return workspace, plans


def step_settings(folder: Path, min_quality: float = 0.0) -> dict[str, Any]:
    return {
        "index": IndexSettings(str(folder / "images"), str(folder / "boxes"), shard_size=SHARD_SIZE),
        "masks": MaskSettings(min_quality=min_quality),
        "variants": VariantSettings(compose=("mask", "published"), size=32),
    }


def tables(workspace: Workspace) -> dict[str, bytes]:
    """The files that the manifest lists; those replaced lie there until the next command sweeps them."""
    parts = [part for entry in workspace.entries() for part in entry.tables.values()]
    return {part.path: workspace.read_bytes(part.path) for part in parts}


def predict(workspace: Workspace, sets: tuple[str, ...]) -> list[str]:
    """List the predictions that are missing, without a model; returns the shards."""
    chosen = PredictionSettings(("efficientnet-lite0",), sets)
    plan = todo(PREDICT, workspace, chosen)
    retire(PREDICT, workspace, plan)
    for shard in plan.missing:
        rows = Output({"predictions/efficientnet-lite0": []})
        workspace.commit("predict", shard.id, PREDICT.key(chosen, shard), rows)
    return [shard.id for shard in plan.missing]


def images(plan: StepPlan) -> int:
    return sum(shard.size for shard in plan.missing)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STATES, min_size=2, max_size=3), st.sampled_from([0.0, 0.3]))
def test_a_workspace_that_has_changed_is_as_one_made_at_once(history: list[States], min_quality: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for states in history:
            write(folder, states)
            growing, _ = curate(folder, "growing", min_quality)
        at_once, _ = curate(folder, "at_once", min_quality)
        assert tables(growing) == tables(at_once)


@pytest.mark.parametrize("made", [0, 1, 2])
def test_a_run_that_ends_while_shards_are_split_doubles_and_loses_no_row(made: int, tmp_path: Path) -> None:
    """It ends when the old shards have been taken off, and some of the new ones were made."""
    write(tmp_path, dict.fromkeys(range(6), SAME))
    growing, _ = curate(tmp_path, "growing")
    write(tmp_path, dict.fromkeys(range(24), SAME))
    for (name, values), table in zip(step_settings(tmp_path).items(), ("images", "masks", "variants")):
        step, before = steps.find(name), {entry.shard for entry in growing.entries(name)}
        plan = todo(step, growing, values)
        retire(step, growing, plan)
        assert before - {shard.id for shard in plan.shards}
        for shard in plan.missing[:made]:
            run_shard(step, growing, values, shard)
        assert len(growing.entries(name)) < len(plan.shards)
        assert not growing.read(table, schema.table(table).key).duplicated().any()
        run_step(name, growing, values, TWO_THREADS, quiet(tmp_path))
    at_once, _ = curate(tmp_path, "at_once")
    assert tables(growing) == tables(at_once)


@pytest.mark.parametrize("change", [OTHER_PIXELS, OTHER_BOX, OTHER_CLASS, None])
def test_one_photograph_makes_one_shard_and_a_few_rows_again(
    change: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is changed in one of three ways, or is new."""
    whole = dict.fromkeys(range(40), SAME)
    write(tmp_path, whole if change is not None else dict.fromkeys(range(1, 40), SAME))
    growing, _ = curate(tmp_path, "growing")
    sets = ("photographs", "original", "mixed_rand")
    predict(growing, sets)
    before = growing.read("variant_inputs").set_index("image_id")["digest"].to_dict()
    write(tmp_path, {**whole, 0: change or SAME})
    made: list[str] = []
    make = variants_step._photograph_rows

    def observe(mask_row, *rest):
        made.append(mask_row["image_id"])
        return make(mask_row, *rest)

    monkeypatch.setattr(variants_step, "_photograph_rows", observe)
    _, plans = curate(tmp_path, "growing")
    monkeypatch.undo()
    for step in ("index", "masks"):
        assert 1 <= images(plans[step]) <= SHARD_SIZE + 1
    after = growing.read("variant_inputs").set_index("image_id")["digest"].to_dict()
    changed = {image_id for image_id in after if before.get(image_id) != after[image_id]}
    assert "p0" in changed and changed <= set(made)
    assert len(made) <= len(changed) + SHARD_SIZE, "of a shard that was split all rows are made again"
    assert len(changed) <= 16  # it provides about one background in each of six variants
    missing = predict(growing, sets)
    assert sum("photographs" in name for name in missing) <= 2  # two: a split
    assert sum("original" in name for name in missing) <= 2
    at_once, _ = curate(tmp_path, "at_once")
    assert {k: v for k, v in tables(growing).items() if not k.startswith("tables/predictions")} == tables(at_once)


def test_rows_of_a_damaged_file_are_made_again(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(range(12), SAME))
    growing, _ = curate(tmp_path, "growing")
    for path in (tmp_path / "growing" / "tables" / "variants" / "mixed_same").iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    write(tmp_path, {**dict.fromkeys(range(12), SAME), 0: OTHER_PIXELS})
    _, plans = curate(tmp_path, "growing")
    at_once, _ = curate(tmp_path, "at_once")
    shards = {shard.id for shard in plans["variants"].missing}
    kept, expected = tables(growing), tables(at_once)
    names = [name for name in expected if name.split("variants-")[-1].split(".")[0] in shards]
    assert names and all(kept[name] == expected[name] for name in names)


def test_predictions_do_not_depend_on_the_names_of_classes(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(range(4), SAME))
    workspace, _ = curate(tmp_path, "growing")
    assert predict(workspace, ("photographs",))
    (entry,) = [entry for entry in workspace.entries("index") if "classes" in entry.tables]
    rows = workspace.read_part(entry.tables["classes"].path).to_pylist()
    for change, expected in ({"gloss": "other"}, 0), ({"wnids": ["n00000001"]}, 1):
        changed = [{**rows[0], **change}, *rows[1:]]
        workspace.commit("index", entry.shard, entry.key, Output({"classes": changed}))
        assert bool(predict(workspace, ("photographs",))) == bool(expected)
