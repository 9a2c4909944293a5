"""How many workers fit, node by node."""

from __future__ import annotations

import pytest

from reground.flows.run.ray.capacity import Share, require_room, room, share_of
from reground.tasks.errors import UsageError

TWO = [{"CPU": 4.0, "GPU": 1.0, "memory": 8e9}, {"CPU": 2.0}]


@pytest.mark.parametrize(
    ("share", "count"),
    [
        (Share(1, 0), 6),
        (Share(3, 0), 1),
        (Share(5, 0), 0),
        (Share(1, 1), 1),
        (Share(1, 0.25), 4),
        (Share(0.4, 0.1), 10),
    ],
)
def test_room_is_counted_on_each_node(share: Share, count: int) -> None:
    assert room(TWO, share) == count


def test_a_worker_with_a_gpu_takes_its_part_of_the_cores() -> None:
    assert share_of(TWO, None) == (4, 1) and share_of(TWO, 0.5) == (2, 0.5) and share_of(TWO, 0) == (1, 0)
    assert share_of([{"CPU": 1.0, "GPU": 1.0}], 0.25) == (0.25, 0.25)
    assert share_of([{"CPU": 8.0, "GPU": 1.0}, {"CPU": 2.0, "GPU": 1.0}], 1) == (2, 1)
    assert [Share(cpus, 0).threads for cpus in (0.25, 1, 6)] == [1, 1, 6]


def test_no_room_is_said_with_what_there_is() -> None:
    require_room(TWO, Share(1, 1), "'resnet50'")
    with pytest.raises(UsageError, match=r"'resnet50' \(1 CPU and 2 GPUs\).* 4 CPUs and 1 GPU; 2 CPUs and 0 GPUs"):
        require_room([*TWO, TWO[0]], Share(1, 2), "'resnet50'")
    with pytest.raises(UsageError, match="its nodes have nothing"):
        require_room([], Share(1, 0), "the step 'masks'")
