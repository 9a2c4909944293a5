"""The step `predict`: real (small, untrained) networks on real tables."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reground.tasks import models
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.images import load_rgb
from reground.tasks.predictions.chance import looks_random
from reground.tasks.predictions.inputs import batches
from reground.tasks.predictions.step import STEP, PredictionSettings, output_classes
from reground.tasks.workspace import Output, Workspace, finish, retire, run_shard, todo
from tests.support import small_models, tables
from tests.support.world import CLASSES, World

WNIDS = [wnid for wnid, _ in CLASSES.values()]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    models.load.cache_clear()


@pytest.fixture(scope="module")
def name(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of the world's classes, and two more that the world lacks."""
    return small_models.timm_folder(tmp_path_factory.mktemp("model"), 9, [*WNIDS, "n00000001", "n00000002"])


def class_rows() -> list[dict[str, Any]]:
    return [{**tables.class_row(idx), "wnids": [wnid]} for idx, (wnid, _) in sorted(CLASSES.items())]


def indexed(world: World, url: str | Path, per_shard: int = 8) -> Workspace:
    workspace = Workspace(url)
    tables.put(workspace, "classes", class_rows())
    files = sorted(world.images.glob("*/*.png"))
    rows = [tables.image(file.stem, world.labels[file.stem], uri=str(file)) for file in files]
    for start in range(0, len(rows), per_shard):
        shard = f"{start:04d}"
        workspace.commit("index", shard, shard, Output({"images": rows[start : start + per_shard]}))
    return workspace


def variant_rows(world: World, n: int = 3) -> list[dict[str, Any]]:
    rows = []
    for file in sorted(world.images.glob("*/*.png"))[:n]:
        buffer = io.BytesIO()
        Image.open(file).resize((224, 224)).save(buffer, "PNG")
        rows.append(
            {
                "image_id": file.stem, "background_id": None, "class_idx": world.labels[file.stem], "group": 0,
                "background_group": None, "seed": 0, "image": {"bytes": buffer.getvalue(), "path": f"{file.stem}.png"},
            }
        )  # fmt: skip
    return rows


def settings(*names: str, **more: Any) -> PredictionSettings:
    return PredictionSettings(**{"models": names, "device": "cpu", "top_k": 3, "batch_size": 3, **more})


def run(workspace: Workspace, told: PredictionSettings) -> list[str]:
    found = todo(STEP, workspace, told)
    retire(STEP, workspace, found)
    for shard in found.missing:
        run_shard(STEP, workspace, told, shard)
    finish(STEP, workspace, found)
    return [shard.id for shard in found.missing]


def predictions(workspace: Workspace, name: str) -> pd.DataFrame:
    return workspace.read(f"predictions/{models.slug(name)}").set_index(["set", "image_id"])


# Rows


def test_every_photograph_gets_its_own_ranked_classes(world: World, workspace_url: str, name: str) -> None:
    workspace = indexed(world, workspace_url)
    run(workspace, settings(name))
    rows = predictions(workspace, name)
    model = models.load(name, "cpu")
    of_wnid = {wnid: idx for idx, (wnid, _) in CLASSES.items()}
    assert {image_id for _, image_id in rows.index} == set(world.labels)
    for image in workspace.read("images").itertuples():
        row = rows.loc[("photographs", image.image_id)]
        probability = model.predict(model.photograph(load_rgb(str(image.uri)))[None])[0]
        ranked = np.argsort(-probability)[:3]
        expected = [of_wnid.get(model.wnids[output], -1) for output in ranked]
        assert list(row["class_idx"]) == expected
        np.testing.assert_allclose(row["probability"], probability[ranked], atol=2e-6)
        assert json.loads(row["recipe"])["preprocessing"] == model.photograph.spec


def test_a_variant_is_not_cropped_again(world: World, workspace_url: str, name: str) -> None:
    workspace = indexed(world, workspace_url)
    made = variant_rows(world)
    tables.put(workspace, "variants/mixed_rand", made)
    run(workspace, settings(name))
    rows = predictions(workspace, name)
    assert sorted({of_set for of_set, _ in rows.index}) == ["mixed_rand", "photographs"]
    model = models.load(name, "cpu")
    for variant in made:
        row = rows.loc[("mixed_rand", variant["image_id"])]
        pixels = np.asarray(Image.open(io.BytesIO(variant["image"]["bytes"])).convert("RGB"))
        assert row["probability"][0] == pytest.approx(model.predict(model.square(pixels)[None]).max(), abs=2e-6)
        assert "|resize(96, bicubic)|" in row["recipe"] and "crop" not in row["recipe"]


def test_the_same_shard_gives_the_same_bytes(world: World, tmp_path: Path, name: str) -> None:
    digests = []
    for folder in ("a", "b"):
        workspace = indexed(world, tmp_path / folder)
        run(workspace, settings(name))
        digests.append([part.digest for _, part in workspace.parts(f"predictions/{models.slug(name)}")])
    assert digests[0] == digests[1] and len(digests[0]) == 3


def test_probabilities_have_six_decimals(world: World, workspace_url: str, name: str) -> None:
    workspace = indexed(world, workspace_url)
    run(workspace, settings(name))
    kept = np.stack(predictions(workspace, name)["probability"].to_list())
    np.testing.assert_array_equal(kept, kept.astype(np.float64).round(6).astype(np.float32))


# Plan


def test_one_shard_for_each_model_set_and_file(world: World, workspace_url: str, name: str, tmp_path: Path) -> None:
    other = small_models.timm_folder(tmp_path / "other", 9, [*WNIDS, "n00000001", "n00000002"], seed=1)
    workspace = indexed(world, workspace_url)
    tables.put(workspace, "variants/only_fg", variant_rows(world))
    found = todo(STEP, workspace, settings(other, name)).shards
    slugs = [models.slug(other), models.slug(name)]
    expected = [
        f"{slug}.{file}"
        for slug in slugs
        for file in ("photographs.0000", "photographs.0008", "photographs.0016", "only_fg.0000")
    ]
    assert [shard.id for shard in found] == expected
    assert [shard.size for shard in found] == [8, 8, 5, 3] * 2
    assert [shard.args["model"] for shard in found] == [other] * 4 + [name] * 4


def test_only_what_is_new_is_predicted(world: World, workspace_url: str, name: str, tmp_path: Path) -> None:
    workspace = indexed(world, workspace_url)
    assert len(run(workspace, settings(name))) == 3
    assert run(workspace, settings(name)) == []
    other = small_models.timm_folder(tmp_path / "other", 9, [*WNIDS, "n00000001", "n00000002"], seed=1)
    assert all(shard.startswith(models.slug(other)) for shard in run(workspace, settings(name, other)))
    tables.put(workspace, "variants/no_fg", variant_rows(world))
    assert run(workspace, settings(name)) == [f"{models.slug(name)}.no_fg.0000"]
    assert len(run(workspace, settings(name, top_k=2))) == 4


def test_names_are_checked_before_any_work(world: World, workspace_url: str) -> None:
    workspace = indexed(world, workspace_url)
    with pytest.raises(UsageError, match="unknown model 'resnet50': expected one of: efficientnet-lite0"):
        todo(STEP, workspace, settings("resnet50"))
    with pytest.raises(UsageError, match=r"unknown set 'mixed': .*expected one of: .*mixed_rand.*photographs"):
        STEP.plan(workspace, settings("efficientnet-lite0", on=("mixed",)))
    with pytest.raises(UsageError, match=r"'timm:a/b' and 'timm:a-b' would share the tables .*/timm-a-b"):
        todo(STEP, workspace, settings("timm:a/b", "timm:a-b"))
    with pytest.raises(UsageError, match=r"predict.top_k: expected a whole number, at least 1, got 0"):
        todo(STEP, workspace, settings("efficientnet-lite0", top_k=0))
    with pytest.raises(RegroundError, match=r"expected the table 'images'.*reground index"):
        STEP.plan(Workspace(f"{workspace_url}-empty"), settings("efficientnet-lite0"))


def test_a_photograph_that_went_away_is_an_error(world: World, workspace_url: str, name: str) -> None:
    workspace = Workspace(workspace_url)
    tables.put(workspace, "classes", class_rows())
    tables.put(workspace, "images", [tables.image("gone", 151, uri=f"{workspace_url}/gone.png")])
    with pytest.raises(RegroundError, match=r"expected the indexed image at .*gone\.png"):
        run(workspace, settings(name))


# Vocabularies


def toy_model(class_count: int, wnids: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(name="toy", class_count=class_count, wnids=wnids)


def classes(*wnids: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({"class_idx": range(len(wnids)), "wnids": [np.array(each) for each in wnids]})


def test_outputs_are_matched_by_wordnet_id() -> None:
    model = toy_model(4, ("n1", "n2", "n3", "n4"))
    assert output_classes(model, classes(("n3",), (), ("n4", "n1"))).tolist() == [2, -1, 0, 2]


def test_a_model_of_its_own_vocabulary_is_matched_by_index() -> None:
    assert output_classes(toy_model(3), classes((), (), ())).tolist() == [0, 1, 2]
    with pytest.raises(RegroundError, match="'toy' has 4 classes without WordNet ids, the table 'classes' has 3"):
        output_classes(toy_model(4), classes((), (), ()))


@pytest.mark.parametrize(("table", "have"), [(classes((), ()), "none"), (classes(("n7",), ("n8", "n9")), "3 others")])
def test_vocabularies_with_nothing_in_common(table: pd.DataFrame, have: str) -> None:
    with pytest.raises(RegroundError, match=rf"some of the 2 WordNet ids of 'toy', the table 'classes' has {have}"):
        output_classes(toy_model(2, ("n1", "n2")), table)


# Guessing


@given(st.integers(100, 5000), st.integers(2, 1000))
def test_guessing_is_recognised_and_knowing_is_not(n: int, k: int) -> None:
    assert looks_random(n // k, n, k)
    assert looks_random(0, n, k)
    assert not looks_random(n, n, k)


def test_few_images_say_nothing() -> None:
    assert not looks_random(0, 99, 1000)
    assert looks_random(0, 100, 1000)


def test_labels_in_another_order_give_a_warning(
    world: World, workspace_url: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = min(world.images.glob("*/*.png"))
    model = models.load(name, "cpu")
    best = int(output_classes(model, pd.DataFrame(class_rows()))[model.predict(
        model.photograph(load_rgb(str(file)))[None]).argmax()])  # fmt: skip
    other = next(idx for idx in CLASSES if idx != best)
    for label, warned in ((other, True), (best, False)):
        workspace = Workspace(f"{workspace_url}-{label}")
        tables.put(workspace, "classes", class_rows())
        images = [tables.image(f"{number:03d}", label, uri=str(file)) for number in range(120)]
        for shard in (0, 60):
            workspace.commit("index", f"{shard:04d}", "k", Output({"images": images[shard : shard + 60]}))
        caplog.clear()
        run(workspace, settings(name, batch_size=60))
        assert ("no better than guessing among 7 classes" in caplog.text) == warned
        assert ("right on 0 of 120 photographs" in caplog.text) == warned


# Overlap


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_inputs_come_in_order_and_not_too_many_at_once(ahead: int) -> None:
    made: list[int] = []

    def make(number: int) -> np.ndarray:
        made.append(number)
        return np.full((3, 1, 1), number, np.float32)

    taken: list[int] = []
    for batch in batches(range(23), make, 4, ahead):
        taken += [int(array[0, 0, 0]) for array in batch]
        assert len(made) <= len(taken) + 4 * ahead
    assert taken == list(range(23)) and sorted(made) == taken


def test_a_picture_that_cannot_be_resized_costs_its_own_row(
    world: World, workspace_url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(workspace_url)
    tables.put(workspace, "classes", class_rows())
    files = sorted(world.images.glob("*/*.png"))[:2]
    wide, full = tmp_path / "wide.png", tmp_path / "full.png"
    Image.new("RGB", (60_000, 1)).save(wide)
    Image.new("RGB", (20, 30)).save(full)
    rows = [tables.image(file.stem, 0, uri=str(file)) for file in (files[0], wide, full, files[1])]
    tables.put(workspace, "images", rows)
    photograph = models.load(name, "cpu").photograph

    def preprocess(pixels: np.ndarray) -> np.ndarray:
        if pixels.shape == (30, 20, 3):
            raise MemoryError
        return photograph(pixels)

    monkeypatch.setattr(models.load(name, "cpu"), "photograph", Preprocessing(photograph.spec, preprocess))
    run(workspace, settings(name, on=("photographs",), batch_size=1))
    images = workspace.read("images")
    assert {image_id for _, image_id in predictions(workspace, name).index} == set(images["image_id"]) - {
        "wide",
        "full",
    }
    dropped = workspace.read("dropped").set_index("item")
    assert dropped["reason"].to_dict() == {"wide": "too_large", "full": "too_large"}
    assert str(wide) in dropped.loc["wide", "detail"] and "resized: 6540000 x 109" in dropped.loc["wide", "detail"]
    assert dropped.loc["full", "detail"] == f"{full} does not fit into the memory of this machine, resized"


def test_another_photograph_than_the_indexed_one_is_not_predicted(
    world: World, workspace_url: str, name: str, tmp_path: Path
) -> None:
    workspace = Workspace(workspace_url)
    tables.put(workspace, "classes", class_rows())
    path = tmp_path / "a.png"
    Image.new("RGB", (300, 200), "red").save(path)
    tables.put(workspace, "images", [tables.image("a", 0, uri=str(path))])
    Image.new("RGB", (300, 200), "blue").save(path)
    with pytest.raises(RegroundError, match=r"a\.png as it was indexed, but its content has changed"):
        run(workspace, settings(name, on=("photographs",)))


class Preprocessing(NamedTuple):
    """A preprocessing whose faults a test chooses."""

    spec: str
    run: Callable[[np.ndarray], np.ndarray]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return self.run(pixels)


# Features


def test_features_come_with_the_predictions_and_stay(world: World, workspace_url: str, name: str) -> None:
    workspace = indexed(world, workspace_url)
    tables.put(workspace, "variants/mixed_rand", variant_rows(world))
    run(workspace, settings(name))
    plain = predictions(workspace, name)
    assert len(run(workspace, settings(name, features=True))) == len(run_ids(workspace))
    features = workspace.read(f"features/{models.slug(name)}").set_index(["set", "image_id"])
    pd.testing.assert_frame_equal(predictions(workspace, name), plain)
    assert list(features.index) == list(plain.index)
    assert run(workspace, settings(name)) == []
    assert len(workspace.read(f"features/{models.slug(name)}")) == len(plain)
    module = models.load(name, "cpu").module  # type: ignore[attr-defined]
    weight, bias = (parameter.detach().numpy() for parameter in module.get_classifier().parameters())
    logits = np.stack(list(features["vector"])).astype(np.float32) @ weight.T + bias
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose([row[0] for row in plain["probability"]], expected.max(axis=1), atol=5e-3)


def run_ids(workspace: Workspace) -> list[str]:
    return [entry.shard for entry in workspace.entries(STEP.name)]


def test_the_original_label_has_a_probability_though_no_top_k_holds_it(
    world: World, workspace_url: str, name: str
) -> None:
    workspace = indexed(world, workspace_url)
    run(workspace, settings(name, top_k=1))
    few = predictions(workspace, name)
    run(workspace, settings(name, top_k=len(CLASSES) + 2))
    every = predictions(workspace, name)
    for image in workspace.read("images").itertuples():
        key = ("photographs", image.image_id)
        ranked = list(every.loc[key, "class_idx"])
        expected = every.loc[key, "probability"][ranked.index(image.class_idx)]
        assert few.loc[key, "original_probability"] == expected == every.loc[key, "original_probability"]
    assert (few["entropy"] > 0).all() and (few["entropy"] < np.log(len(WNIDS) + 2)).all()
