"""Copies planted among real photographs are found, nothing else is."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from reground.flows.run import run_step
from reground.tasks.errors import RegroundError
from reground.tasks.facts import FactSettings
from reground.tasks.kernels.picture_match import Likeness
from reground.tasks.suspects import duplicate, twins
from reground.tasks.suspects.twins import cosine_threshold, nearest
from reground.tasks.workspace import Output, Workspace
from tests.support.masks_world import TWO_THREADS, commit_images, quiet, row
from tests.support.suspects_world import EXACT, find, index, pairs, plant
from tests.support.tables import image, put
from tests.support.textures import copies, picture


class Planted(NamedTuple):
    workspace: Workspace
    copies: dict[str, tuple[str, str]]
    suspects: pd.DataFrame


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    copies_of = plant(folder / "images")
    workspace = index(folder / "images", folder / "workspace")
    return Planted(workspace, copies_of, find(workspace, "duplicate"))


def true_pairs(planted: Planted, exact: bool) -> set[tuple[str, str]]:
    """Both orders of each pair of one picture; a picture may have several copies."""
    of_original = defaultdict(list)
    for name, (change, original) in planted.copies.items():
        of_original[original].append((name, change))
    both = set()
    for original, named in of_original.items():
        all_of_it = [(original, "renamed"), *named]
        both |= {(a, b) for a, x in all_of_it for b, y in all_of_it if a != b and (x in EXACT and y in EXACT) == exact}
    return both


def test_every_exact_copy_is_found(planted: Planted) -> None:
    assert true_pairs(planted, exact=True) <= pairs(planted.suspects)
    evidence = planted.suspects.set_index("image_id")["evidence"]
    for name, (change, original) in planted.copies.items():
        if change in EXACT:
            (twin,) = [twin for twin in evidence[name]["twins"] if twin["image_id"] == original]
            assert (twin["match"], twin["correlation"]) == (EXACT[change], 1.0)


def test_altered_copies_are_found_and_nothing_else(planted: Planted) -> None:
    found, near = pairs(planted.suspects), true_pairs(planted, exact=False)
    with_original = {(name, original) for name, (change, original) in planted.copies.items() if change not in EXACT}
    assert len(found & with_original) >= 0.95 * len(with_original)
    assert found <= near | true_pairs(planted, exact=True)


def test_mirrors_and_crops_are_told(planted: Planted) -> None:
    evidence = planted.suspects.set_index("image_id")["evidence"]
    for name, (change, original) in planted.copies.items():
        told = [twin for twin in evidence[name]["twins"] if twin["image_id"] == original] if name in evidence else []
        for twin in told:
            assert twin["mirrored"] == (change in ("mirror", "mirrored crop"))
            assert twin["cropped"] == (change in ("crop", "corner", "mirrored crop"))


def test_one_picture_with_two_labels_comes_first(planted: Planted) -> None:
    suspects = planted.suspects
    other_folder = [name for name, (change, _) in planted.copies.items() if change == "folder"]
    two = suspects[suspects.score > 1]
    assert set(other_folder) < set(two.image_id)
    assert two["rank"].max() == len(two)
    assert two.flagged.all() and not suspects[suspects.score <= 1].flagged.any()
    labels = planted.workspace.read("images").set_index("image_id")["class_idx"]
    for suspect in two.to_dict("records"):
        assert suspect["class_idx"] == labels[suspect["image_id"]]
        assert set(suspect["proposed"]) == {labels[other] for other in suspect["related"]} - {suspect["class_idx"]}
    assert suspects[suspects.score <= 1].class_idx.isna().all()


def test_the_group_counts_all_copies(planted: Planted) -> None:
    for suspect in planted.suspects.to_dict("records"):
        assert suspect["evidence"]["group_size"] == len(suspect["related"]) + 1
        assert suspect["evidence"]["group"] in {suspect["image_id"], *suspect["related"]}


@pytest.mark.parametrize(
    ("name", "change"),
    [("ENOUGH", 0.4), ("RADIUS", 0), ("likeness", lambda a, b, enough: Likeness(1.0))],
    ids=["all correlate", "no candidates", "no confirmation"],
)
def test_a_broken_rule_is_noticed(planted: Planted, monkeypatch: pytest.MonkeyPatch, name: str, change: Any) -> None:
    """Each part of the rule is needed: without it these tests would fail."""
    monkeypatch.setattr(twins, name, change)
    if name != "RADIUS":
        monkeypatch.setattr(twins, "RADIUS", 24)
    pictures = duplicate.load_pictures(planted.workspace, facts=True)
    contents = pictures.contents()
    made = duplicate._near(pictures, contents, "")
    near = true_pairs(planted, exact=False)
    names = {(pictures.image_ids[a], pictures.image_ids[b]) for a, b, _ in made}
    assert not names <= near or len(names) < 0.4 * len(near)


def test_without_facts_files_of_equal_bytes_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copies_of = plant(tmp_path / "images", per_change=1)
    workspace = index(tmp_path / "images", tmp_path / "workspace", facts=False)
    with caplog.at_level(logging.WARNING):
        found = pairs(find(workspace, "duplicate"))
    expected = {(name, original) for name, (change, original) in copies_of.items() if EXACT.get(change) == "bytes"}
    assert {pair for pair in found if pair[0].startswith("copy") and not pair[1].startswith("copy")} == expected
    assert "only files of equal bytes" in caplog.text and "`reground facts -w" in caplog.text


def test_facts_made_later_are_used(tmp_path: Path) -> None:
    copies_of = plant(tmp_path / "images", per_change=1)
    before = find(index(tmp_path / "images", tmp_path / "workspace", facts=False), "duplicate")
    after = find(index(tmp_path / "images", tmp_path / "workspace"), "duplicate")
    assert len(before) < len(after)
    assert {name for name, _ in copies_of.items()} & set(after.image_id) > set(before.image_id) & set(copies_of)


def test_copies_in_two_splits_are_flagged(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    rows = [image(name, 0) | {"sha256": digest * 64} for name, digest in zip("abcd", "1122", strict=True)]
    rows[1]["split"] = "train"
    put(workspace, "images", rows)
    suspects = find(workspace, "duplicate").set_index("image_id")
    assert suspects.flagged.to_dict() == {"a": True, "b": True, "c": False, "d": False}
    assert suspects.evidence["a"]["split"] == "val" and suspects.evidence["a"]["twins"][0]["split"] == "train"


def test_many_copies_of_one_picture_name_some(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(f"{n:03d}", int(n == 70)) | {"sha256": "1" * 64} for n in range(80)])
    suspects = find(workspace, "duplicate").set_index("image_id")
    assert len(suspects) == 80
    assert all(len(related) == 20 and related[0] == "070" for related in suspects.related.drop("070"))
    assert suspects.evidence["000"]["group_size"] == 80
    assert suspects.proposed["000"].tolist() == [1] and suspects.proposed["070"].tolist() == [0]


def test_images_of_unknown_bytes_are_not_the_same(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(name, 0) | {"sha256": ""} for name in "ab"])
    assert find(workspace, "duplicate").empty


def small_facts(workspace: Workspace, folder: Path) -> Workspace:
    """Two pictures of one scene, one of another, indexed with facts."""
    files = {"a": picture(0), "b": copies(picture(0))["jpeg"], "c": picture(1)}
    commit_images(workspace, [row(folder / f"{n}.png", one) | {"sha256": ""} for n, one in files.items()])
    run_step("facts", workspace, FactSettings(), TWO_THREADS, quiet(folder))
    return workspace


@pytest.mark.parametrize(
    "change", [{"hash": "xyz"}, {"mirror_hash": "1" * 17}, {"thumbnail": b"short"}, {"pixel_digest": ""}]
)
def test_malformed_facts_are_one_error(tmp_path: Path, workspace_url: str, change: dict[str, Any]) -> None:
    workspace = small_facts(Workspace(workspace_url), tmp_path)
    (entry,) = workspace.entries("facts")
    rows = workspace.read_arrow("facts").to_pylist()
    workspace.commit("facts", entry.shard, entry.key, Output({"facts": [row | change for row in rows]}))
    with pytest.raises(RegroundError, match=r"in the table\s+'facts' of .*, got .*'a'"):
        find(workspace, "duplicate")


def test_features_name_candidates_and_hashes_find_the_others(tmp_path: Path, workspace_url: str) -> None:
    workspace = small_facts(Workspace(workspace_url), tmp_path)
    rows = [
        {"image_id": "a", "neighbours": ["b", "c"], "cosine": [0.97, 0.4]},
        {"image_id": "b", "neighbours": ["a", "c"], "cosine": [0.97, 0.4]},
        {"image_id": "c", "neighbours": ["a", "gone"], "cosine": [0.4, 0.99]},
    ]
    put(workspace, "neighbours/net", rows)
    suspects = find(workspace, "duplicate")
    assert pairs(suspects) == {("a", "b"), ("b", "a")}
    assert suspects.model.unique().tolist() == ["net"]


def test_the_threshold_is_that_of_the_set() -> None:
    assert cosine_threshold(np.full(1000, 0.5)) == 0.8
    assert cosine_threshold(np.full(1000, 0.9)) == pytest.approx(0.9)
    assert cosine_threshold(np.full(1000, 0.99)) == 0.95
    assert cosine_threshold(np.array([])) == 0.8


def test_look_alikes_are_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 equal hashes each keeps its nearest, however the pairs come in blocks."""
    rows, others = np.triu_indices(60, 1)
    distance = (others - rows).astype(np.int64)

    def blocks(size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for start in range(0, len(rows), size):
            yield rows[start : start + size], others[start : start + size], distance[start : start + size]

    whole = set(zip(*(end.tolist() for end in nearest(blocks(len(rows)), limit=4)), strict=True))
    assert {(a, b) for a, b in whole if b - a == 1} == {(n, n + 1) for n in range(59)}
    assert len(whole) <= 4 * 60
    monkeypatch.setattr(twins, "MAX_PENDING", 50)
    assert set(zip(*(end.tolist() for end in nearest(blocks(17), limit=4)), strict=True)) == whole
