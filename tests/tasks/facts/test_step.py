"""The step `facts` on real files: what is equal has equal digests, and what changed is never used unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reground.flows.run import Runner, run_step
from reground.tasks.errors import RegroundError
from reground.tasks.facts import FactSettings, require_facts, why_no_facts
from reground.tasks.facts.step import STEP, pixel_digest, work
from reground.tasks.images import ImageError
from reground.tasks.kernels.perceptual_hash import dct_hashes
from reground.tasks.schema import DropReason
from reground.tasks.workspace import Workspace, image_shards
from tests.support.masks_world import TWO_THREADS, commit_images, digests, index_world, quiet, row
from tests.support.memory import SHORTAGES
from tests.support.textures import copies, picture
from tests.support.world import World


def facts_of(folder: Path, files: dict[str, np.ndarray]) -> Workspace:
    """A workspace with the facts of pictures, file by name."""
    workspace = Workspace(folder / "workspace")
    commit_images(workspace, [row(folder / name, pixels) for name, pixels in files.items()])
    run_step("facts", workspace, FactSettings(), TWO_THREADS, quiet(folder))
    return workspace


def test_equal_pixels_have_equal_digests_whatever_the_file(tmp_path: Path) -> None:
    one = picture(0)
    workspace = facts_of(tmp_path, {"a.png": one, "b.bmp": one, "c.png": picture(1), "d.jpg": one})
    facts = workspace.read("facts").set_index("image_id")
    assert facts.pixel_digest["a"] == facts.pixel_digest["b"]
    assert facts.pixel_digest.nunique() == 3  # the JPEG lost something


def test_the_size_is_part_of_the_digest() -> None:
    wide, high = np.zeros((2, 6, 3), np.uint8), np.zeros((6, 2, 3), np.uint8)
    assert pixel_digest(wide) != pixel_digest(high)
    assert pixel_digest(picture(0)) == pixel_digest(picture(0)[:, ::-1][:, ::-1])


def test_the_mirror_hash_is_the_hash_of_the_mirror_image(tmp_path: Path) -> None:
    workspace = facts_of(tmp_path, {"a.png": picture(0), "b.png": copies(picture(0))["mirror"]})
    facts = workspace.read("facts").set_index("image_id")
    a, b = (int(facts[column][name], 16) for column, name in (("mirror_hash", "a"), ("hash", "b")))
    assert (a ^ b).bit_count() <= 2
    assert (int(facts.hash["a"], 16) ^ b).bit_count() > 10


def test_a_hash_is_that_of_the_thumbnail(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"a.png": picture(0)}).read("facts").iloc[0]
    thumb = np.frombuffer(facts.thumbnail, np.uint8).reshape(1, 48, 48)
    assert [int(facts.hash, 16), int(facts.mirror_hash, 16)] == [int(one[0]) for one in dct_hashes(thumb)]


def test_facts_do_not_depend_on_shards_or_threads(world: World, tmp_path: Path) -> None:
    made = []
    for name, runner, size in (
        ("a", TWO_THREADS, 6),
        ("b", Runner("processes", 2), 6),
        ("c", Runner("threads", 1), 21),
    ):
        folder = tmp_path / name
        folder.mkdir()
        workspace = index_world(world, str(folder / "workspace"), folder, shard_size=size)
        run_step("facts", workspace, FactSettings(), runner, quiet(folder))
        made.append(workspace)
    assert digests(made[0], "facts") == digests(made[1], "facts")
    assert made[2].read("facts").equals(made[0].read("facts"))
    assert set(made[2].read("facts").image_id) == set(world.labels)


def test_a_file_that_changed_is_an_error(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    commit_images(workspace, [row(tmp_path / "a.png", picture(0)) | {"sha256": "0" * 64}])
    with pytest.raises(RegroundError, match=r"a\.png.*its content has changed"):
        run_step("facts", workspace, FactSettings(), TWO_THREADS, quiet(tmp_path))


@pytest.mark.parametrize("shortage", [*SHORTAGES, lambda: ImageError(DropReason.TOO_LARGE, "a.png is too large")])
def test_a_picture_that_does_not_fit_into_memory_costs_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shortage
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    commit_images(workspace, [row(tmp_path / f"{name}.png", picture(seed)) for seed, name in enumerate("ab")])
    real = STEP.work.__globals__["load_rgb"]

    def load(uri: str, sha256: str) -> np.ndarray:
        if uri.endswith("a.png"):
            raise shortage()
        return real(uri, sha256)

    monkeypatch.setitem(STEP.work.__globals__, "load_rgb", load)
    (shard,) = image_shards(workspace)
    made = work(workspace, FactSettings(), shard)
    assert [fact["image_id"] for fact in made.tables["facts"]] == ["b"]
    (dropped,) = made.tables["dropped"]
    assert (dropped["stage"], dropped["item"], dropped["reason"]) == ("facts", "a", "too_large")
    assert "a.png" in dropped["detail"]


def test_facts_older_than_the_index_are_refused(tmp_path: Path) -> None:
    workspace = facts_of(tmp_path, {"a.png": picture(0)})
    assert why_no_facts(workspace) == ""
    require_facts(workspace)
    commit_images(workspace, [row(tmp_path / "a.png", picture(1)) | {"sha256": "1" * 64}])
    with pytest.raises(RegroundError, match=r"older than the index.*`reground facts -w .*workspace`"):
        require_facts(workspace)


def test_without_facts_the_command_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    commit_images(workspace, [row(tmp_path / "a.png", picture(0))])
    assert "run `reground facts -w " in why_no_facts(workspace)


def test_a_one_pixel_picture_has_facts(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "white").save(tmp_path / "dot.png")
    facts = facts_of(tmp_path, {"dot.png": np.full((1, 1, 3), 255, np.uint8)}).read("facts").iloc[0]
    assert (facts.bright_share, facts.contrast, facts.sharpness) == (1, 0, 0)
