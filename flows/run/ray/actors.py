"""Keep actors busy: Ray places and runs them, and here each gets its next call in time.

An actor that is lost, with its node or alone, is replaced by a new one, and its calls are made again. Ray's own
restarts stay off: calls to an actor that waits for room on a node that is gone would wait with it for ever.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reground.flows.run.ray.capacity import Node, Share, require_room, room
from reground.flows.run.ray.worker import Report, Worker
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Shard

AHEAD: Final = 2
"""Calls that an actor has at once, so that it need not wait for the next."""
ATTEMPTS: Final = 3
"""Actors that a call, or the start of an actor, may cost."""
POLL_SECONDS: Final = 0.5
NODES_SECONDS: Final = 5.0
"""How long the list of nodes is used: more may join at any time."""
START_SECONDS: Final = 600.0
"""How long nothing may happen while no actor is at work."""


@dataclass
class Call:
    """Shards that an actor is asked for at once.

    Attributes:
        shards: in order.
        losses: actors that ended while they worked on them.
    """

    shards: Sequence[Shard]
    losses: int = 0

    def __str__(self) -> str:
        return ", ".join(shard.id for shard in self.shards)


@dataclass
class Group:
    """Calls that actors of one kind work on: one step and, where it has models, one model.

    Attributes:
        name: for messages.
        load: arguments of `Worker.load`.
        common: arguments of `Worker.run` before the shards.
        calls: that no actor has yet, in order.
        share: what an actor takes of its node.
        sequential: each call looks back on those before: one actor, one call at a time.
        last: calls that look back on all others.
        retries: for each actor that ended while it started and was not started again yet, how many did so in a row.
    """

    name: str
    load: tuple[Any, ...]
    common: tuple[Any, ...]
    calls: deque[Call]
    share: Share
    sequential: bool = False
    last: deque[Call] = field(default_factory=deque[Call])
    retries: list[int] = field(default_factory=list[int])


@dataclass(eq=False)
class Actor:
    """An actor and what it was asked for, in order.

    Attributes:
        handle: Ray's.
        group: whose calls it works on.
        refs: of what is under way; without a call: it loads.
        losses: actors in its place that ended while they started, in a row.
        is_loaded: whether it has started.
    """

    handle: Any
    group: Group
    refs: deque[tuple[Any, Call | None]]
    losses: int = 0
    is_loaded: bool = False


class ActorPool:
    """The actors of some groups of calls.

    A group starts when the calls of those before it are handed out; sequential ones all start at once.

    Args:
        groups: in order.
        nodes: lists the resources of each node.
        settle: makes what was yielded visible to actors; called before a call that looks back.
        worker: class of the actors.

    Attributes:
        lost: calls that were made again.
        workers: the largest number of actors at work at once.

    Raises:
        UsageError: no node has room for an actor of some group.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        nodes: Callable[[], Sequence[Node]],
        settle: Callable[[], None],
        worker: type[Any] = Worker,
    ) -> None:
        import ray

        self._ray: Any = ray
        self._list_nodes, self._settle, self._worker = nodes, settle, worker
        self._nodes, self._listed = nodes(), time.monotonic()
        for group in groups:
            require_room(self._nodes, group.share, group.name)
        self._later, self._groups = deque(groups), list[Group]()
        self._actors: list[Actor] = []
        self._last_event = time.monotonic()
        self.lost = self.workers = 0

    def results(self, is_stopped: Callable[[], bool]) -> Generator[Report, None, None]:
        """What the calls return, as it comes.

        Args:
            is_stopped: ends the work early.

        Raises:
            RegroundError: a model cannot be loaded, a call ends one actor after the other, or nothing happens.
        """
        try:
            while not is_stopped():
                self._grow()
                if not self._actors:
                    return
                yield from self._next()
        finally:
            for actor in list(self._actors):
                self._end(actor)

    def _grow(self) -> None:
        while self._later and (self._later[0].sequential or not any(group.calls for group in self._groups)):
            self._groups.append(self._later.popleft())
        if time.monotonic() - self._listed > NODES_SECONDS:
            self._nodes, self._listed = self._list_nodes(), time.monotonic()
        for group in self._groups:
            busy = sum(call is not None for actor in self._of(group) for _, call in actor.refs)
            if not group.calls and not busy:
                group.calls, group.last = group.last, group.calls
            most = 1 if group.sequential else min(room(self._nodes, group.share), busy + len(group.calls))
            for _ in range(max(1, most) - len(self._of(group)) if group.calls else 0):
                self._start(group)
            for actor in self._of(group):
                self._feed(actor)

    def _of(self, group: Group) -> list[Actor]:
        return [actor for actor in self._actors if actor.group is group]

    def _start(self, group: Group) -> None:
        options = {"num_cpus": group.share.cpus, "num_gpus": group.share.gpus}
        remote = self._ray.remote(self._worker).options(max_restarts=0, max_task_retries=0, **options)
        handle = remote.remote(group.share.threads)
        losses = group.retries.pop() if group.retries else 0
        self._actors.append(Actor(handle, group, deque([(handle.load.remote(*group.load), None)]), losses))

    def _feed(self, actor: Actor) -> None:
        group = actor.group
        ahead = 1 if group.sequential or len(group.calls) <= len(self._of(group)) else AHEAD
        while actor.is_loaded and group.calls and len(actor.refs) < ahead:
            call = group.calls.popleft()
            if group.sequential or any(shard.last for shard in call.shards):
                self._settle()
            actor.refs.append((actor.handle.run.remote(*group.common, call.shards), call))
        is_idle = not group.calls and all(call is None for _, call in actor.refs)
        if is_idle and not (group.last and self._of(group) == [actor]):
            self._end(actor)

    def _next(self) -> Iterator[Report]:
        """The results that are there, after waiting a moment for one."""
        waiting = {ref: actor for actor in self._actors for ref, _ in actor.refs}
        ready, _ = self._ray.wait(list(waiting), num_returns=1, timeout=POLL_SECONDS)
        if not ready:
            self._require_progress()
            return
        self._last_event = time.monotonic()
        self.workers = max(self.workers, sum(actor.is_loaded for actor in self._actors))
        yield from self._collect(waiting[ready[0]])

    def _collect(self, actor: Actor) -> Iterator[Report]:
        while actor in self._actors and actor.refs and self._ray.wait([actor.refs[0][0]], timeout=0)[0]:
            ref, call = actor.refs[0]
            try:
                report = self._ray.get(ref)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except self._ray.exceptions.RayError as error:
                self._replace(actor, error)
                return
            actor.refs.popleft()
            if not actor.is_loaded:
                actor.is_loaded = True
                actor.group.retries.clear()
            if call is not None:
                yield report
            self._feed(actor)

    def _replace(self, actor: Actor, error: Exception) -> None:
        """Give back the calls of a lost actor. It was at work on the first; the others had not begun."""
        call, group = actor.refs[0][1], actor.group
        calls = [one for _, one in actor.refs if one is not None]
        self._end(actor)
        if call is None:
            losses = actor.losses + 1
            group.retries.append(losses)
        else:
            losses = call.losses = call.losses + 1
        if losses >= ATTEMPTS:
            what = f"worked on {call} of {group.name}" if call else f"started for {group.name}"
            raise RegroundError(
                f"{ATTEMPTS} workers on Ray ended while they {what}: {error}. Often memory is short, or a package is "
                "missing on the node. Everything listed in the manifest is kept: run the same command again."
            ) from error
        self.lost += len(calls)
        group.calls.extendleft(reversed(calls))

    def _require_progress(self) -> None:
        if any(actor.is_loaded and actor.refs for actor in self._actors):
            return
        if time.monotonic() - self._last_event > START_SECONDS:
            wanted = "; ".join(sorted({f"{actor.group.name} ({actor.group.share})" for actor in self._actors}))
            raise RegroundError(
                f"no worker on Ray has started for {START_SECONDS:.0f} seconds: no node has room at present for "
                f"{wanted}. See `ray status` for who uses the cluster. Everything listed in the manifest is kept: run "
                "the same command again."
            )

    def _end(self, actor: Actor) -> None:
        self._actors.remove(actor)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor.handle)
