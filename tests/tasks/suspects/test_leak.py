"""Images that occur in another workspace are found, and that workspace stays as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reground.flows.run import run_step
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.facts import FactSettings
from reground.tasks.suspects import SuspectSettings
from reground.tasks.suspects.step import STEP
from reground.tasks.workspace import Output, Workspace, todo
from tests.support.masks_world import TWO_THREADS, quiet, row
from tests.support.suspects_world import find, pairs
from tests.support.tables import put
from tests.support.textures import copies, picture

NAMES = ("cat", "dog", "owl")


def commit(workspace: Workspace, folder: Path, pictures: dict[str, np.ndarray], labels: dict[str, int]) -> Workspace:
    """Pictures, indexed with facts; label of each by name, 0 where none is given."""
    folder.mkdir(exist_ok=True)
    common = {"wnid": "", "mode": "RGB", "split": folder.name}
    rows = [
        row(folder / f"{name}.png", pixels) | common | {"class_idx": labels.get(name, 0), "sha256": ""}
        for name, pixels in pictures.items()
    ]
    classes = [{"class_idx": n, "name": name, "wnids": [], "gloss": ""} for n, name in enumerate(NAMES)]
    workspace.commit("index", "0000", "key", Output({"images": rows, "classes": classes}))
    run_step("facts", workspace, FactSettings(), TWO_THREADS, quiet(folder))
    return workspace


@pytest.fixture
def training(tmp_path: Path) -> Workspace:
    pictures = {f"t{seed}": picture(seed) for seed in range(12)}
    return commit(Workspace(tmp_path / "training"), tmp_path / "train", pictures, {"t3": 2})


@pytest.fixture
def evaluation(tmp_path: Path) -> Workspace:
    changed = [copies(picture(seed))[name] for seed, name in enumerate(["jpeg", "half", "mirror"])]
    pictures = {"a": changed[0], "b": changed[1], "c": changed[2], "d": picture(3), "e": picture(50)}
    pictures["f"] = copies(picture(4))["mirrored crop"]
    return commit(Workspace(tmp_path / "evaluation"), tmp_path / "val", pictures, {"d": 1, "f": 0})


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.rglob("*") if file.is_file()}


def test_images_of_another_workspace_are_found(evaluation: Workspace, training: Workspace) -> None:
    before = files(Path(training.root))
    suspects = find(evaluation, "leak", against=(training.url,))
    expected = {("a", "t0"), ("b", "t1"), ("c", "t2"), ("d", "t3"), ("f", "t4")}
    assert pairs(suspects) == expected
    assert suspects.flagged.all()
    assert files(Path(training.root)) == before
    by_id = suspects.set_index("image_id")
    assert {name: evidence["match"] for name, evidence in by_id.evidence.items()} == {
        "a": "near", "b": "near", "c": "near", "d": "pixels", "f": "near"
    }  # fmt: skip
    assert by_id.evidence["a"]["against"] == training.url
    assert by_id.evidence["f"]["mirrored"] and by_id.evidence["f"]["cropped"]


def test_another_label_there_comes_first(evaluation: Workspace, training: Workspace) -> None:
    first = find(evaluation, "leak", against=(training.url,)).iloc[0]
    assert (first.image_id, first.class_idx, first.proposed.tolist()) == ("d", 1, [2])
    assert first.score == 2
    twin = first.evidence["twins"][0]
    assert (first.evidence["label"], twin["label"], twin["split"]) == ("dog", "owl", "train")


def test_a_part_of_ours_may_be_theirs(tmp_path: Path, training: Workspace) -> None:
    whole = {"whole": picture(60)}
    commit(training, tmp_path / "train", {"part": copies(picture(60))["corner"]}, {})
    ours = commit(Workspace(tmp_path / "ours"), tmp_path / "val", whole, {})
    assert pairs(find(ours, "leak", against=(training.url,))) == {("whole", "part")}


def test_a_change_there_is_seen(tmp_path: Path, evaluation: Workspace, training: Workspace) -> None:
    settings = SuspectSettings(find=("leak",), against=(training.url,))
    find(evaluation, "leak", against=(training.url,))
    assert not todo(STEP, evaluation, settings).missing
    commit(training, tmp_path / "train", {"only": picture(50)}, {})
    assert todo(STEP, evaluation, settings).missing
    assert pairs(find(evaluation, "leak", against=(training.url,))) == {("e", "only")}


def test_several_workspaces_at_once(tmp_path: Path, evaluation: Workspace, training: Workspace) -> None:
    other = commit(Workspace(tmp_path / "other"), tmp_path / "web", {"x": picture(50), "y": picture(3)}, {"y": 1})
    suspects = find(evaluation, "leak", against=(training.url, other.url)).set_index("image_id")
    assert suspects.related["e"].tolist() == ["x"] and suspects.evidence["e"]["against"] == other.url
    assert suspects.related["d"].tolist() == ["t3", "y"]
    assert suspects.evidence["d"]["matches"] == 2


def test_features_of_one_model_find_more(evaluation: Workspace, training: Workspace) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(12, 16)).astype(np.float16)
    theirs = [feature(f"t{n}", vectors[n]) for n in range(12)]
    put(training, "features/net", theirs)
    put(evaluation, "features/net", [feature("f", vectors[4]), feature("e", rng.normal(size=16).astype(np.float16))])
    suspects = find(evaluation, "leak", against=(training.url,))
    assert ("f", "t4") in pairs(suspects) and suspects.model.unique().tolist() == ["net"]


def test_features_of_another_width_are_refused(evaluation: Workspace, training: Workspace) -> None:
    put(training, "features/net", [feature("t0", np.ones(8, np.float16))])
    put(evaluation, "features/net", [feature("a", np.ones(16, np.float16))])
    with pytest.raises(RegroundError, match=r"16 numbers in .*evaluation and of 8 in .*training"):
        find(evaluation, "leak", against=(training.url,))


def feature(image_id: str, vector: np.ndarray) -> dict[str, Any]:
    return {"image_id": image_id, "set": "photographs", "vector": vector.tolist(), "recipe": "{}"}


def spoiled(training: Workspace, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(address, what the error says) of workspaces that cannot be compared with."""
    yield str(tmp_path / "none"), r"found none: make it, `reground index IMAGES -w .*none`"
    bare = Workspace(tmp_path / "bare")
    bare.commit("index", "0000", "key", Output({"images": training.read_arrow("images")}))
    yield bare.url, r"no facts of the photographs: run `reground facts -w .*bare`"
    shutil.copytree(training.root, tmp_path / "stale")
    stale = Workspace(tmp_path / "stale")
    stale.commit("index", "0000", "key", Output({"images": training.read_arrow("images").slice(1)}))
    yield stale.url, r"older than the index.*`reground facts -w .*stale`"
    shutil.copytree(training.root, tmp_path / "damaged")
    (file,) = (tmp_path / "damaged" / "tables" / "facts").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    yield str(tmp_path / "damaged"), r"(cannot be read.*`reground repair -w .*damaged`|facts -w .*damaged)"


def test_a_workspace_that_cannot_be_compared_with_is_one_error(
    tmp_path: Path, evaluation: Workspace, training: Workspace
) -> None:
    for address, message in spoiled(training, tmp_path):
        with pytest.raises(RegroundError, match=message):
            find(evaluation, "leak", against=(address,))
    assert not (tmp_path / "none").exists()


def test_a_workspace_is_not_compared_with_itself(evaluation: Workspace) -> None:
    for address in (evaluation.url, f"{evaluation.url}/../evaluation"):
        with pytest.raises(UsageError, match="it is this one"):
            find(evaluation, "leak", against=(address,))


def test_settings_are_checked_before_any_work(evaluation: Workspace) -> None:
    (fault,) = STEP.faults(SuspectSettings(against=("ftp://host/W",)))
    assert fault.field == "against" and "s3://" in fault.problem
    with pytest.raises(RegroundError, match="`--against OTHER_WORKSPACE`"):
        find(evaluation, "leak")


def test_an_address_alone_asks_for_leaks(
    evaluation: Workspace, training: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reground.tasks.suspects.step.DEFAULT", ("duplicate",))
    planned = STEP.plan(evaluation, SuspectSettings(against=(training.url,)))
    assert "leak" in [shard.id for shard in planned]
    both = STEP.plan(evaluation, SuspectSettings(find=("duplicate",), against=(training.url,)))
    assert [shard.id for shard in both] == ["duplicate", "leak"]
    assert "leak" not in [shard.id for shard in STEP.plan(evaluation, SuspectSettings())]
