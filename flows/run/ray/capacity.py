"""How many workers fit on a cluster: counted node by node, since a worker has to fit on one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from reground.tasks.errors import UsageError

Node = Mapping[str, float]
"""Resources of a node by name: ``CPU``, ``GPU``."""
DIGITS: Final = 6
"""Of a quotient of resources, against rounding: 0.3 of 0.1 are 3."""


class Share(NamedTuple):
    """What one worker takes of a node.

    Attributes:
        cpus: cores, or a fraction of one.
        gpus: GPUs, or a fraction of one.
    """

    cpus: float
    gpus: float

    @property
    def threads(self) -> int:
        """Threads of the worker."""
        return max(1, math.floor(self.cpus))

    def __str__(self) -> str:
        return _words(self.cpus, self.gpus)


def room(nodes: Sequence[Node], share: Share) -> int:
    """The number of workers that fit on the nodes.

    Examples:
        >>> room([{"CPU": 1.0}, {"CPU": 1.0}], Share(2, 0))
        0
        >>> room([{"CPU": 8.0, "GPU": 1.0}, {"CPU": 2.0}], Share(1, 0.25))
        4
    """
    return sum(_fit(node, share) for node in nodes)


def share_of(nodes: Sequence[Node], gpus: float | None) -> Share:
    """A worker's share: a core without a GPU; with one, the cores that a node has for it.

    Args:
        nodes: of the cluster.
        gpus: of a worker; None: 1 where a node has a GPU.

    Examples:
        >>> share_of([{"CPU": 16.0, "GPU": 2.0}, {"CPU": 64.0}], 0.5)
        Share(cpus=4, gpus=0.5)
        >>> share_of([{"CPU": 16.0}], None)
        Share(cpus=1, gpus=0.0)
    """
    if gpus is None:
        gpus = float(any(node.get("GPU", 0) >= 1 for node in nodes))
    cores = [node["CPU"] * gpus / node["GPU"] for node in nodes if node.get("CPU") and node.get("GPU", 0) >= gpus > 0]
    least = min(cores, default=1.0)
    return Share(math.floor(least) if least >= 1 else least, gpus)


def require_room(nodes: Sequence[Node], share: Share, name: str) -> None:
    """Raises:
    UsageError: no node has room for one worker; Ray itself would wait for ever.
    """
    if room(nodes, share):
        return
    sizes = sorted({(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes}, reverse=True)
    raise UsageError(
        f"expected a node of the Ray cluster with room for one worker of {name} ({share}), its nodes have "
        f"{'; '.join(_words(*size) for size in sizes) or 'nothing'}. Add a node, or let the worker take fewer GPUs "
        "(the step's setting num_gpus)."
    )


def _fit(node: Node, share: Share) -> int:
    wanted = {"CPU": share.cpus, "GPU": share.gpus}
    return min(math.floor(round(node.get(name, 0.0) / amount, DIGITS)) for name, amount in wanted.items() if amount > 0)


def _words(cpus: float, gpus: float) -> str:
    return f"{cpus:g} CPU{'' if cpus == 1 else 's'} and {gpus:g} GPU{'' if gpus == 1 else 's'}"
