"""Actors on a real cluster of two nodes: who gets which call, and what happens when actors end."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reground.flows.run.batch import Batch
from reground.flows.run.ray import actors
from reground.flows.run.ray.actors import ActorPool, Call, Group
from reground.flows.run.ray.capacity import Share
from reground.flows.run.ray.connect import start_ray
from reground.flows.run.ray.step import list_nodes
from reground.flows.run.ray.worker import Report
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Shard
from tests.support.ray_cluster import RayCluster, ray_cluster
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

WHOLE, HALF = Share(1, 1), Share(0.5, 0.5)


class Toy:
    """Does what a shard's arguments say."""

    def __init__(self, threads: int) -> None:
        self.model = ""

    def load(self, model: str) -> None:
        if model == "broken":
            raise RegroundError("no weights on this node")
        if model == "deadly":
            os._exit(1)
        self.model = model

    def run(self, folder: str, shards: Sequence[Shard]) -> Report:
        for shard in shards:
            marker = Path(folder, shard.id)
            if shard.args.get("exit") == "always" or (shard.args.get("exit") == "once" and not marker.exists()):
                marker.touch()
                os._exit(1)
            marker.touch()
            others = [Path(folder, other) for other in shard.args.get("beside", ())]
            wait_until(lambda paths=others: all(path.exists() for path in paths))
        place = f"{self.model} {os.environ.get('CUDA_VISIBLE_DEVICES')} {os.getpid()}"
        return Report(Batch(len(shards), []), [], 0.0, place)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster((1, 1), (1, 1)) as started:
        start_ray(started.cluster.address)
        yield started


def group(folder: Path, *shards: Shard, model: str = "m", share: Share = WHOLE, **options: object) -> Group:
    calls = deque(Call([shard]) for shard in shards if not shard.last)
    last = deque(Call([shard]) for shard in shards if shard.last)
    return Group(f"'{model}'", (model,), (str(folder),), calls, share, last=last, **options)


def run(*groups: Group, settle=lambda: None) -> tuple[list[str], ActorPool]:
    pool = ActorPool(groups, list_nodes, settle, Toy)
    return [report.machine for report in pool.results(lambda: False)], pool


def shards(count: int, **args: str) -> list[Shard]:
    return [Shard(f"s{number}", (), args) for number in range(count)]


def at_once(count: int) -> list[Shard]:
    """Shards that wait for each other."""
    names = [f"t{number}" for number in range(count)]
    return [Shard(name, (), {"beside": names}) for name in names]


def test_both_nodes_work_at_once_and_each_model_has_actors_of_its_own(cluster: RayCluster, tmp_path: Path) -> None:
    places, pool = run(group(tmp_path, *at_once(2)), group(tmp_path, *shards(3), model="n"))
    assert [place.split()[:2] for place in places[:2]] == [["m", "0"]] * 2
    assert len(places) == 5 and {place.split()[0] for place in places[2:]} == {"n"}
    assert not {place.split()[2] for place in places[:2]} & {place.split()[2] for place in places[2:]}
    assert (pool.workers, pool.lost) == (2, 0)


def test_actors_share_a_gpu_by_fractions(cluster: RayCluster, tmp_path: Path) -> None:
    places, _ = run(group(tmp_path, *at_once(4), share=HALF))
    assert len(set(places)) == 4 and {place.split()[1] for place in places} == {"0"}


def test_what_looks_back_comes_after_the_others(cluster: RayCluster, tmp_path: Path) -> None:
    settled: list[int] = []
    pool = ActorPool(
        [group(tmp_path, Shard("z", (), last=True), *shards(5)), group(tmp_path, *shards(3), sequential=True)],
        list_nodes,
        lambda: settled.append(seen),
        Toy,
    )
    seen = 0
    for _ in pool.results(lambda: False):
        seen += 1
    assert seen == 9 and len(settled) == 1 + 3
    assert any(count >= 5 for count in settled)


def test_a_call_whose_actor_ends_is_made_again(cluster: RayCluster, tmp_path: Path) -> None:
    places, pool = run(group(tmp_path, Shard("x", (), {"exit": "once"}), *shards(4)))
    assert len(places) == 5 and pool.lost >= 1


def test_a_call_that_ends_each_actor_is_an_error_that_names_it(cluster: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(RegroundError, match=r"^3 workers on Ray ended while they worked on poison of 'm'") as error:
        run(group(tmp_path, *shards(3), Shard("poison", (), {"exit": "always"}), *shards(3)))
    assert "run the same command again" in str(error.value)


def test_a_model_that_does_not_load(cluster: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(RegroundError, match=r"^no weights on this node$"):
        run(group(tmp_path, *shards(2), model="broken"))
    with pytest.raises(RegroundError, match=r"^3 workers on Ray ended while they started for 'deadly'"):
        run(group(tmp_path, *shards(2), model="deadly"))


def test_what_fits_on_no_node_is_refused_first(cluster: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"room for one worker of 'n' \(1 CPU and 2 GPUs\), .* 1 CPU and 1 GPU"):
        run(group(tmp_path, *shards(1)), group(tmp_path, *shards(1), model="n", share=Share(1, 2)))
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_whose_room_is_taken(cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(actors, "START_SECONDS", 2.0)
    others = [ray.remote(Toy).options(num_cpus=1).remote(1) for _ in range(2)]
    ray.get([other.load.remote("m") for other in others])
    with pytest.raises(RegroundError, match=r"no worker on Ray has started for 2 seconds: .* 'm' \(1 CPU and 1 GPU\)"):
        run(group(tmp_path, *shards(1)))
    for other in others:
        ray.kill(other)


def test_a_node_that_joins_later_works_too(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actors, "NODES_SECONDS", 0.0)
    pool = ActorPool([group(tmp_path, *shards(1), *at_once(3))], list_nodes, int, Toy)
    reports = pool.results(lambda: False)
    next(reports)
    cluster.cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=100 << 20, include_dashboard=False)
    assert len(list(reports)) == 3
    assert pool.workers == 3
