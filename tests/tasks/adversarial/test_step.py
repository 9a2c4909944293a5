"""The step `adversarial`: real (small, untrained) networks, held against trying every pair one by one."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from reground.tasks import models
from reground.tasks.adversarial import inputs as inputs_module
from reground.tasks.adversarial import step as adversarial
from reground.tasks.adversarial.step import STEP, AdversarialSettings
from reground.tasks.adversarial.summary import summaries
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.kernels.compose import paste
from reground.tasks.masks import encode_mask
from reground.tasks.workspace import Output, Workspace, finish, retire, run_shard, todo
from tests.support import small_models, tables

WNIDS = [f"n{number:08d}" for number in range(6)]
GROUP_OF = {0: 0, 1: 0, 2: 1, 3: 1, 4: 2}
"""Of five of the six classes; the model knows a seventh."""
SIDE, COUNT = 96, 14
RIDGE = 3.0


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    for kept in (models.load, inputs_module.load_inputs, adversarial._network):
        kept.cache_clear()


def pictures(seed: int = 0, count: int = COUNT, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of colour, ``(2, count, side, side, 3)``: originals and backgrounds; and discs as masks."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (2, count, side // 16, side // 16, 3), np.uint8)
    y, x = np.mgrid[:side, :side]
    centre, radius = rng.uniform(0.4, 0.6, (count, 2, 1, 1)) * side, rng.uniform(0.25, 0.45, (count, 1, 1)) * side
    return blocks.repeat(16, 2).repeat(16, 3), (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 <= radius**2


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def variant_row(key: str, pixels: np.ndarray, group: int) -> dict[str, Any]:
    rest = {"background_id": None, "background_group": None, "class_idx": 2 * group, "seed": 0}
    return {"image_id": key, "group": group, "image": {"bytes": png(pixels), "path": f"{key}.png"}, **rest}


def scene(url: str | Path, groups: int = 3, per_part: int = 5, seed: int = 0) -> Workspace:
    """A workspace as far as `adversarial` reads it, its tables in several parts."""
    workspace = Workspace(url)
    tables.put(workspace, "classes", [{**tables.class_row(idx), "wnids": [wnid]} for idx, wnid in enumerate(WNIDS)])
    rows = [{"group": group, "name": f"group {group}", "class_idx": idx} for idx, group in GROUP_OF.items()]
    tables.put(workspace, "groups", rows)
    (originals, backgrounds), masks = pictures(seed)
    keys, of = [f"i{number:03d}" for number in range(COUNT)], np.arange(COUNT) % groups
    for first in range(0, COUNT, per_part):
        part = range(first, min(first + per_part, COUNT))
        foregrounds = [
            {"image_id": keys[i], "class_idx": 2 * int(of[i]), "group": int(of[i]), "rle": encode_mask(masks[i]),
             "width": SIDE, "height": SIDE} for i in part
        ]  # fmt: skip
        made = {
            "foregrounds": foregrounds,
            "variants/original": [variant_row(keys[i], originals[i], int(of[i])) for i in part],
            "variants/only_bg_t": [variant_row(keys[i], backgrounds[i], int(of[i])) for i in part],
        }
        workspace.commit("variants", f"{first:04d}", f"{first:032d}", Output(made))
    return workspace


def model(folder: Path, seed: int = 0) -> str:
    """A network that is right on most of the pictures: its classifier is fitted to some composites."""
    name = small_models.timm_folder(folder, 7, [*WNIDS, "n99999999"], seed)
    network: Any = models.load(name, "cpu")
    (originals, backgrounds), masks = pictures()
    shown = [(i, paste(originals[i], masks[i], backgrounds[j])) for i in range(COUNT) for j in (i, i - 1, i - 5)]
    rng = np.random.default_rng(seed)
    classes = [2 * (i % 3) if rng.random() < 0.85 else int(rng.integers(7)) for i, _ in shown]
    with torch.inference_mode():
        batch = torch.from_numpy(np.stack([network.square(picture) for _, picture in shown]))
        features = network.module.forward_head(network.module.forward_features(batch), pre_logits=True).double()
    centre, scale = features.mean(0), features.std(0) + 1e-3
    inputs, targets = (features - centre) / scale, torch.nn.functional.one_hot(torch.tensor(classes), 7).double()
    solved = torch.linalg.solve(inputs.T @ inputs + RIDGE * torch.eye(inputs.shape[1]), inputs.T @ targets)
    weight = (8 * solved / scale[:, None]).T
    state = {**network.module.state_dict(), "fc.weight": weight.float(), "fc.bias": (-weight @ centre).float()}
    safetensors.torch.save_file({key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors")
    models.load.cache_clear()
    return name


@pytest.fixture(scope="module")
def name(tmp_path_factory: pytest.TempPathFactory) -> str:
    return model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    return model(tmp_path_factory.mktemp("other"), seed=1)


def told(*names: str, **more: Any) -> AdversarialSettings:
    return AdversarialSettings(**{"models": names, "device": "cpu", "batch_size": 4, "rows": 5, **more})


def run(workspace: Workspace, settings: AdversarialSettings, most: int | None = None) -> list[str]:
    found = todo(STEP, workspace, settings)
    retire(STEP, workspace, found)
    for shard in found.missing[:most]:
        run_shard(STEP, workspace, settings, shard)
    if most is None:
        finish(STEP, workspace, found)
    return [shard.id for shard in found.missing[:most]]


class Truth(NamedTuple):
    """Classes predicted on every pair ``(F, B)`` and on the originals ``(F,)``, and groups ``(F,)``."""

    every: np.ndarray
    clean: np.ndarray
    group: np.ndarray


def brute_force(name: str) -> Truth:
    """Every composite of the pictures in `scene` by numpy, and through the model's own preprocessing."""
    network = models.load(name, "cpu")
    class_of = np.array([WNIDS.index(wnid) if wnid in WNIDS else -1 for wnid in network.wnids])
    (originals, backgrounds), masks = pictures()

    def top(shown: Sequence[np.ndarray]) -> np.ndarray:
        return class_of[network.predict(np.stack([network.square(each) for each in shown])).argmax(1)]

    every = [top([paste(p, m, b) for b in backgrounds]) for p, m in zip(originals, masks, strict=True)]
    return Truth(np.stack(every), top(list(originals)), np.arange(COUNT) % 3)


@pytest.fixture(scope="module")
def truth(name: str) -> Truth:
    return brute_force(name)


def into(predicted: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda idx: GROUP_OF.get(int(idx), -1))(predicted)


def searched(workspace: Workspace, name: str) -> pd.DataFrame:
    found = workspace.read(f"adversarial/{models.slug(name)}").set_index("image_id")
    return found.assign(outcome=found["outcome"].astype(object).where(found["outcome"].notna(), None))


def pairs(workspace: Workspace, name: str) -> np.ndarray:
    return np.stack(workspace.read(f"adversarial_pairs/{models.slug(name)}")["predicted"].to_list())


def outcomes(predicted: np.ndarray, clean: np.ndarray, group: np.ndarray) -> list[str | None]:
    """The stricter reading, worked out from the whole matrix."""
    named = []
    for row, first, own in zip(into(predicted), into(clean), group, strict=True):
        others = row[group != own]
        misled = ((others >= 0) & (others != own)).any()
        named.append(None if first != own else "misled" if misled else "unmapped" if (others < 0).any() else "robust")
    return named


# Verdicts


@pytest.mark.parametrize(("batch_size", "rows"), [(1, 5), (4, 3), (32, 50)])
def test_the_same_verdicts_as_trying_every_pair(
    workspace_url: str, truth: Truth, name: str, batch_size: int, rows: int
) -> None:
    workspace = scene(workspace_url)
    every, clean, group = truth
    run(workspace, told(name, batch_size=batch_size, rows=rows))
    found, tried = searched(workspace, name), pairs(workspace, name)
    wrong = into(every) != group[:, None]
    assert found["vulnerable"].tolist() == wrong.any(1).tolist()
    assert 0 < wrong.any(1).sum() < COUNT and {None, "misled"} < set(outcomes(every, clean, group))
    assert found["outcome"].tolist() == outcomes(every, clean, group)
    assert found["clean_class"].tolist() == clean.tolist()
    assert found["clean_correct"].tolist() == (into(clean) == group).tolist()
    np.testing.assert_array_equal(tried[tried != -2], every[tried != -2])
    assert found["passes"].sum() + found["outcome_passes"].sum() == (tried != -2).sum() < COUNT**2
    assert (found["passes"][~found["vulnerable"]] == COUNT).all()


def test_what_is_said_of_a_foreground_is_so(workspace_url: str, truth: Truth, name: str) -> None:
    workspace = scene(workspace_url)
    every, clean, group = truth
    run(workspace, told(name))
    tried = pairs(workspace, name)
    position: dict[Any, Any] = {
        row.image_id: row.position for row in workspace.read(f"adversarial_pool/{models.slug(name)}").itertuples()
    }
    for number, row in enumerate(searched(workspace, name).itertuples()):
        by, misled = position.get(row.fooled_by), position.get(row.misled_by)
        assert (by is not None) == row.vulnerable and (misled is not None) == (row.outcome == "misled")
        if by is not None:
            assert row.fooled_into == into(every)[number, by] != row.group
        if misled is not None:
            assert into(every)[number, misled] not in (-1, row.group) and group[misled] != row.group
        worst = [position[key] for key in row.worst]
        assert len(worst) == min(5, ((tried[number] != -2) & (into(every)[number] != row.group)).sum())
        assert all(into(every)[number, worst] != row.group)
        assert list(row.worst_probability) == sorted(row.worst_probability, reverse=True)
    assert clean.tolist() == searched(workspace, name)["clean_class"].tolist()


def test_every_pair_when_exhaustive(workspace_url: str, truth: Truth, name: str) -> None:
    workspace = scene(workspace_url)
    every, clean, group = truth
    assert len(run(workspace, told(name, exhaustive=True, rows=0))) == 5
    found = searched(workspace, name)
    np.testing.assert_array_equal(pairs(workspace, name), every)
    assert found["vulnerable"].tolist() == (into(every) != group[:, None]).any(1).tolist()
    assert found["outcome"].tolist() == outcomes(every, clean, group)
    assert set(found["passes"]) == {COUNT} and set(found["outcome_passes"]) == {0}
    assert not workspace.parts(f"adversarial_margins/{models.slug(name)}")


# Rankings


def expected_ranking(tried: np.ndarray, group: np.ndarray) -> list[tuple[int, int, int, int]]:
    counted = []
    for background in range(tried.shape[1]):
        of = (tried[:, background] != -2) & (group != group[background])
        made, own = into(tried[:, background])[of], group[of]
        counted.append((of.sum(), (made == group[background]).sum(), (made != own).sum(), (made == -1).sum()))
    return counted


@pytest.mark.parametrize("exhaustive", [False, True])
def test_backgrounds_are_ranked_by_what_they_do_to_other_groups(
    workspace_url: str, truth: Truth, name: str, exhaustive: bool
) -> None:
    workspace = scene(workspace_url)
    group = truth.group
    run(workspace, told(name, exhaustive=exhaustive))
    ranked = workspace.read(f"adversarial_backgrounds/{models.slug(name)}")
    counts = ranked[["tried", "into_own", "wrong", "unmapped"]].itertuples(index=False, name=None)
    assert list(counts) == expected_ranking(pairs(workspace, name), group)
    assert (ranked["into_own"] > 0).any() and (ranked["unmapped"] > 0).any()
    for row in ranked.itertuples():
        if row.tried:
            assert (row.own_rate, row.wrong_rate) == pytest.approx((row.into_own / row.tried, row.wrong / row.tried))
        else:
            assert np.isnan(row.own_rate) and np.isnan(row.wrong_rate)


def test_which_backgrounds_fool_several_models(workspace_url: str, truth: Truth, name: str, other: str) -> None:
    workspace = scene(workspace_url)
    every, group = [truth.every, brute_force(other).every], truth.group
    run(workspace, told(name, other, exhaustive=True, rows=4))
    shared = workspace.read("adversarial_shared")
    wrong = np.all([into(each) != group[:, None] for each in every], axis=0) & (group[:, None] != group)
    assert shared["fooled_all"].tolist() == wrong.sum(0).tolist() and wrong.any()
    assert shared["tried"].tolist() == (group[:, None] != group).sum(0).tolist()
    assert {tuple(each) for each in shared["models"]} == {(name, other)}
    run(workspace, told(name))
    assert (
        "adversarial_shared" not in workspace.tables() and f"adversarial/{models.slug(other)}" not in workspace.tables()
    )


def test_of_a_search_only_pairs_that_all_models_tried_are_compared(workspace_url: str, name: str, other: str) -> None:
    workspace = scene(workspace_url)
    run(workspace, told(name, other))
    group = workspace.read("foregrounds")["group"].to_numpy()
    tried = np.stack([pairs(workspace, each) for each in (name, other)])
    both = (tried != -2).all(0) & (group[:, None] != group)
    shared = workspace.read("adversarial_shared")
    assert shared["tried"].tolist() == both.sum(0).tolist()
    assert shared["fooled_all"].tolist() == (both & (into(tried) != group[:, None]).all(0)).sum(0).tolist()


# Going on after a crash


def content(workspace: Workspace) -> dict[str, str]:
    files = sorted(Path(workspace.root).rglob("*"))
    inside = {str(file.relative_to(workspace.root)): file.read_bytes() for file in files if file.is_file()}
    return {path: hashlib.sha256(data).hexdigest() for path, data in inside.items()}


@pytest.mark.parametrize("exhaustive", [False, True])
def test_what_was_cut_off_ends_with_the_same_bytes(tmp_path: Path, name: str, other: str, exhaustive: bool) -> None:
    settings = told(name, other, exhaustive=exhaustive)
    whole, cut = scene(tmp_path / "whole"), scene(tmp_path / "cut")
    assert len(run(whole, settings)) == 9
    for most in (2, 1, 2, None):
        run(cut, settings, most)
        models.load.cache_clear()
        inputs_module.load_inputs.cache_clear()
        adversarial._network.cache_clear()
    assert content(whole) == content(cut)
    assert run(cut, settings) == []


def test_a_shard_learns_from_those_before_it(workspace_url: str, name: str) -> None:
    workspace, settings = scene(workspace_url), told(name)
    last = todo(STEP, workspace, settings).shards[2]
    with pytest.raises(RegroundError, match=r"expected the shard .*\.00000 of the search .*learn from those before"):
        STEP.work(workspace, settings, last)
    run(workspace, settings)
    slug = models.slug(name)
    after = STEP.work(workspace, settings, last).tables[f"adversarial_margins/{slug}"]
    forgotten = [part for entry, part in workspace.parts(f"adversarial_margins/{slug}") if entry.shard != last.id]
    for part in forgotten:
        table = workspace.read_part(part.path)
        margins = np.full((table.num_rows, COUNT), np.nan, np.float32)
        rows = [{"image_id": key.as_py(), "margin": row} for key, row in zip(table["image_id"], margins.tolist())]
        entry = next(entry for entry, of in workspace.parts(f"adversarial_margins/{slug}") if of == part)
        kept = {table: workspace.read_part(of.path) for table, of in entry.tables.items() if "margins" not in table}
        workspace.commit("adversarial", entry.shard, entry.key, Output({**kept, f"adversarial_margins/{slug}": rows}))
    alone = STEP.work(workspace, settings, last).tables[f"adversarial_margins/{slug}"]
    tried = [np.isnan(np.stack([row.as_py() for row in table["margin"]])) for table in (after, alone)]  # type: ignore[union-attr]
    assert (tried[0] != tried[1]).any()


def test_only_what_changed_is_searched_again(workspace_url: str, name: str, other: str) -> None:
    workspace = scene(workspace_url)
    run(workspace, told(name))
    assert run(workspace, told(name)) == []
    assert all(shard.startswith((models.slug(other), "shared")) for shard in run(workspace, told(name, other)))
    assert len(run(workspace, told(name, seed=1))) == 4
    scene(workspace_url, seed=1)
    assert len(run(workspace, told(name, seed=1))) == 4


# Plan


def test_models_are_those_that_have_predicted(workspace_url: str) -> None:
    workspace = scene(workspace_url)
    with pytest.raises(RegroundError, match=r"expected models, found none: name them \(--model"):
        STEP.plan(workspace, told())
    for slug in ("efficientnet-lite0", "timm-resnet50.a1_in1k", "torchvision-resnet50-IMAGENET1K_V1"):
        tables.put(workspace, f"predictions/{slug}", [])
    planned = STEP.plan(workspace, told())
    names = ["efficientnet-lite0", "timm:resnet50.a1_in1k", "torchvision:resnet50@IMAGENET1K_V1"]
    assert list(dict.fromkeys(shard.args["model"] for shard in planned if "model" in shard.args)) == names
    assert [models.slug(each) for each in names] == sorted(
        table.partition("/")[2] for table in workspace.tables() if "predictions" in table
    )
    tables.put(workspace, "predictions/timm-local-dir--x", [])
    with pytest.raises(UsageError, match=r"predictions/timm-local-dir--x: several names have this form"):
        STEP.plan(workspace, told())


def test_settings_and_names_are_checked_before_any_work(workspace_url: str) -> None:
    workspace = scene(workspace_url)
    with pytest.raises(UsageError, match="unknown model 'resnet50': expected one of: efficientnet-lite0"):
        todo(STEP, workspace, told("resnet50"))
    with pytest.raises(UsageError, match=r"'timm:a/b' and 'timm:a-b' would share the tables .*/timm-a-b"):
        todo(STEP, workspace, told("timm:a/b", "timm:a-b"))
    with pytest.raises(UsageError, match=r"adversarial.rows: expected a whole number, at least 0, got -1"):
        todo(STEP, workspace, told("efficientnet-lite0", rows=-1))
    with pytest.raises(RegroundError, match=r"expected the table 'foregrounds'.*reground variants"):
        STEP.plan(Workspace(f"{workspace_url}-empty"), told("efficientnet-lite0"))


# Bad input


def test_no_picture_came_through(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    for table in ("foregrounds", "variants/original", "variants/only_bg_t"):
        tables.put(workspace, table, [])
    with pytest.raises(RegroundError, match=r"expected images .*'foregrounds' has none: see the table 'dropped'"):
        STEP.plan(workspace, told("efficientnet-lite0"))


def put_original(workspace: Workspace, key: str, content: bytes) -> None:
    row = {**variant_row(key, np.zeros((8, 8, 3), np.uint8), 0), "image": {"bytes": content, "path": ""}}
    tables.put(workspace, "variants/original", [row])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png(np.zeros((SIDE, SIDE, 3), np.uint8))[:200], r"expected an image of i000 .*variants` again"),
        (b"", r"expected an image of i000"),
        (png(np.zeros((64, 64, 3), np.uint8)), r"images of one size, \d+ x \d+, got \d+ x \d+ .*one size"),
        (png(np.zeros((SIDE, 64, 3), np.uint8)), r"expected square images of one size"),
    ],
)
def test_pictures_that_cannot_be_pasted(workspace_url: str, name: str, content: bytes, message: str) -> None:
    workspace = scene(workspace_url)
    first = workspace.entry("variants", "0000")
    assert first is not None
    kept = {table: workspace.read_part(part.path) for table, part in first.tables.items()}
    rows = kept["variants/original"].to_pylist()
    rows[0]["image"]["bytes"] = content
    workspace.commit("variants", "0000", first.key, Output({**kept, "variants/original": rows}))
    with pytest.raises(RegroundError, match=message):
        run(workspace, told(name))


def test_a_foreground_without_its_picture(workspace_url: str, name: str) -> None:
    workspace = scene(workspace_url)
    tables.put(
        workspace,
        "foregrounds",
        [{"image_id": "lost", "class_idx": 0, "group": 0, "rle": "0", "width": 1, "height": 1}],
    )
    with pytest.raises(RegroundError, match=r"expected 15 images in 'variants/original' .*found 14"):
        run(workspace, told(name))


def test_one_group_has_no_backgrounds_of_others(workspace_url: str, name: str) -> None:
    workspace = scene(workspace_url, groups=1)
    run(workspace, told(name))
    found = searched(workspace, name)
    assert set(found["outcome"]) <= {"robust", None} and set(found["outcome_passes"]) == {0}
    assert set(workspace.read(f"adversarial_backgrounds/{models.slug(name)}")["tried"]) == {0}


def test_out_of_memory_changes_no_verdict_and_is_recorded(
    workspace_url: str, truth: Truth, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = scene(workspace_url)
    every, clean, group = truth
    network: Any = models.load(name, "cpu")
    whole = network.module.forward

    def short(batch: torch.Tensor) -> torch.Tensor:
        if len(batch) > 2:
            raise torch.OutOfMemoryError("full")
        return whole(batch)

    monkeypatch.setattr(network.module, "forward", short)
    monkeypatch.setattr(network, "pass_size", None)  # as on a GPU
    run(workspace, told(name))
    assert searched(workspace, name)["outcome"].tolist() == outcomes(every, clean, group)
    recipes = workspace.read(f"adversarial_pairs/{models.slug(name)}")["recipe"]
    assert {json.loads(recipe)["at_once"] for recipe in recipes} == {2}


# Summary


def test_passes_beside_the_least_possible(workspace_url: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    workspace = scene(workspace_url)
    with caplog.at_level(logging.INFO, "reground.tasks.adversarial.step"):
        run(workspace, told(name))
    found, (summary,) = searched(workspace, name), summaries(workspace).values()
    withstand = int((~found["vulnerable"]).sum())
    assert summary.min_passes == COUNT - withstand + withstand * COUNT
    assert summary.passes == found["passes"].sum() and summary.exhaustive == COUNT**2
    assert 1 <= summary.ratio == summary.passes / summary.min_passes < summary.exhaustive / summary.min_passes
    assert summary.misled + summary.unmapped + summary.robust == summary.clean_correct == found["clean_correct"].sum()
    assert f"{models.slug(name)}: challenge accuracy {withstand / COUNT:.1%} as published" in caplog.text
