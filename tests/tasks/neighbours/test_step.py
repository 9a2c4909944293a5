"""Neighbours by the step: those of a plain sort, whatever the shards and threads; made anew when features change."""

from __future__ import annotations

import numpy as np
import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.kernels import nearest_neighbours as kernel
from reground.tasks.neighbours import STEP, NeighbourSettings, neighbour_models
from reground.tasks.neighbours import step as module
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.features_world import feature_rows, put_features


def run(workspace: Workspace, **settings: object) -> int:
    """Make what is missing; number of shards made."""
    whole = NeighbourSettings(**settings)  # type: ignore[arg-type]
    missing = todo(STEP, workspace, whole).missing
    for shard in missing:
        run_shard(STEP, workspace, whole, shard)
    return len(missing)


def test_neighbours_are_those_of_a_plain_sort(workspace_url: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float16)
    workspace = put_features(workspace_url, vectors)
    assert run(workspace, k=4) == 1
    assert neighbour_models(workspace) == ["m"]
    table = workspace.read("neighbours/m").set_index("image_id")
    exact = vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    cosines = exact @ exact.T
    np.fill_diagonal(cosines, -2)
    for row, name in enumerate(feature_rows(vectors)):
        order = np.argsort(-cosines[row])[:4]
        assert list(table.neighbours[name["image_id"]]) == [f"{other:05d}" for other in order]
        assert np.allclose(table.cosine[name["image_id"]], cosines[row, order], atol=1e-6)


def test_shards_threads_and_files_change_nothing(workspace_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    vectors = np.random.default_rng(1).normal(size=(700, 96)).astype(np.float16)
    vectors[500:520] = vectors[3]  # copies: equal cosines
    tables = []
    monkeypatch.setattr(kernel, "BLOCK", 64)
    for name, rows, threads, files in (("a", 64, 1, 1), ("b", 192, 2, 7), ("c", 6400, 2, 3)):
        monkeypatch.setattr(module, "ROWS", rows)
        workspace = put_features(f"{workspace_url}-{name}", vectors, files=files)
        with threadpoolctl.threadpool_limits(threads):
            assert run(workspace) == -(-700 // rows)
        tables.append(workspace.read_arrow("neighbours/m").sort_by("image_id").combine_chunks())
    assert tables[0].equals(tables[1]) and tables[0].equals(tables[2])


def test_features_that_change_make_neighbours_anew_and_nothing_else_does(workspace_url: str) -> None:
    vectors = np.random.default_rng(2).normal(size=(12, 4)).astype(np.float16)
    workspace = put_features(workspace_url, vectors)
    assert [run(workspace), run(workspace), run(workspace, features="m"), run(workspace, k=3)] == [1, 0, 0, 1]
    put_features(workspace_url, vectors[::-1])
    assert run(workspace, k=3) == 1


def test_few_photographs_have_few_neighbours_and_zeros_are_near_to_nothing(workspace_url: str) -> None:
    workspace = put_features(workspace_url, np.array([[1, 0], [0, 0], [2, 0]], np.float16))
    run(workspace)
    table = workspace.read("neighbours/m").set_index("image_id")
    assert list(table.neighbours["00000"]) == ["00002", "00001"]
    assert list(table.cosine["00000"]) == [1, 0]
    assert list(table.cosine["00001"]) == [0, 0]
    one = put_features(f"{workspace_url}-one", np.ones((1, 3), np.float16))
    run(one)
    assert len(one.read("neighbours/m").cosine[0]) == 0


def test_constant_features_are_all_equally_near(workspace_url: str) -> None:
    workspace = put_features(workspace_url, np.ones((5, 3), np.float16))
    run(workspace, k=2)
    table = workspace.read("neighbours/m").set_index("image_id")
    assert list(table.neighbours["00004"]) == ["00000", "00001"]
    assert np.allclose(np.stack(table.cosine.tolist()), 1)


def test_without_features_there_is_nothing_to_do(workspace_url: str) -> None:
    workspace = put_features(workspace_url, np.ones((2, 2), np.float16), features=False)
    assert "predict --features" in todo(STEP, workspace, NeighbourSettings()).describe()
    with pytest.raises(RegroundError, match=r"has no features.*predict"):
        run(workspace, features="m")


def test_features_of_variants_alone_are_no_fault(workspace_url: str) -> None:
    workspace = put_features(workspace_url, np.ones((2, 2), np.float16), set_name="original")
    run(workspace)
    assert workspace.count("neighbours/m") == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"features": "n"}, "'n'.*m"), ({"k": 0}, "k"), ({"k": -1}, "k"), ({"k": "ten"}, "k")],
)
def test_what_is_not_there_is_named(workspace_url: str, settings: dict[str, object], message: str) -> None:
    workspace = put_features(workspace_url, np.ones((2, 2), np.float16))
    whole = NeighbourSettings(**settings)  # type: ignore[arg-type]
    with pytest.raises(RegroundError, match=message):
        STEP.check_usable(workspace, whole)
        todo(STEP, workspace, whole)


def test_a_feature_that_is_no_number_names_the_image(workspace_url: str) -> None:
    workspace = put_features(workspace_url, np.array([[1, 1], [np.nan, 1]], np.float16))
    with pytest.raises(RegroundError, match="00001"):
        run(workspace)
