"""A storage, a lock that expires and drivers of the manifest, of which any may be paused or killed at any moment.

Drivers run one at a time, as greenlets, and change hands before every operation of the storage and of the lock. The
code under test is the project's own; only storage, lock and clock are played.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from greenlet import GreenletExit, getcurrent, greenlet

from reground.tasks.storage import Entity, Storage
from reground.tasks.workspace import chain_writer
from reground.tasks.workspace.chain import Chain, Content, FileName, LostError
from reground.tasks.workspace.chain_writer import Writer
from reground.tasks.workspace.entry_rows import dead_rows, to_rows
from reground.tasks.workspace.manifest import Entry

SHARDS = ("a", "b", "c", "d", "e")
STEP = "step"
LOCK_LASTS = 30
GRACE = 60
"""Ticks of the clock: one an operation, more now and then."""


@dataclass
class Write:
    """One commit of one shard.

    Attributes:
        order: (generation, number of the operation that wrote it); None: not written yet.
        value: key of the entry; empty: the shard is taken off.
        is_due: it was written while its driver held the lock, and the driver was told so.
    """

    shard: str
    value: str
    generation: int
    order: tuple[int, int] | None = None
    was_held: bool = False
    is_due: bool = False


@dataclass
class World:
    """Everything that drivers share."""

    random: random.Random
    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    clock: int = 0
    generation: int = 0
    lock_ends: int = 0
    writes: list[Write] = field(default_factory=list)
    pending: dict[greenlet, Write] = field(default_factory=dict)
    paused: dict[greenlet, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def switch(self) -> None:
        """Let another driver go on, and time pass."""
        self.clock += 1
        main = getcurrent().parent
        if main is not None:
            main.switch()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock, UTC)

    def check(self, manifest: Chain) -> None:
        """A reader sees every commit that was acknowledged before it began, or a newer one."""
        due = [write for write in self.writes if write.is_due]
        rows = manifest.read().rows()
        values = dict(zip(rows["shard"].to_pylist(), rows["key"].to_pylist(), strict=True))
        for shard in SHARDS:
            least = max((write.order for write in due if write.shard == shard and write.order), default=None)
            orders = [w.order for w in self.writes if (w.shard, w.value) == (shard, values.get(shard, "")) and w.order]
            if least is not None and (not orders or max(orders) < least):
                self.faults.append(f"{shard} is {values.get(shard)!r}, older than what was acknowledged at {least}")


class Objects(Storage):
    """Objects in memory; every operation is one step of the world."""

    def __init__(self, world: World) -> None:
        self.world, self.url, self.root, self.is_local = world, "world://", "world:", True

    def get(self, key: str) -> bytes:
        self.world.switch()
        if key not in self.world.objects:
            raise FileNotFoundError(key)
        return self.world.objects[key][0]

    def put(self, key: str, content: bytes, private: bool = False) -> None:
        self.world.switch()
        self.world.objects[key] = (content, self.world.clock)
        write = self.world.pending.get(getcurrent())
        if write is not None and write.order is None:
            write.order = (write.generation, self.world.clock)
            write.was_held = write.generation == self.world.generation

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.world.switch()
            self.world.objects.pop(key, None)

    def list(self, prefix: str = "") -> list[Entity]:
        self.world.switch()
        return [
            Entity(key, len(content), datetime.fromtimestamp(written, UTC))
            for key, (content, written) in sorted(self.world.objects.items())
        ]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        raise NotImplementedError

    def get_tagged(self, key: str) -> tuple[bytes, str]:
        raise NotImplementedError

    def create(self, key: str, content: bytes) -> str:
        raise NotImplementedError

    def replace(self, key: str, content: bytes, tag: str) -> str:
        raise NotImplementedError

    def exists(self, key: str) -> bool:
        raise NotImplementedError

    def local_path(self, key: str) -> Path | None:
        return None

    def sweep(self, prefix: str) -> int:
        return 0


class PlainChain(Chain):
    """Files are pickles: the protocol is under test, and Parquet would take most of the time."""

    def _encode(self, content: Content) -> bytes:
        return pickle.dumps(tuple(content))

    def _parse(self, name: FileName, content: bytes) -> Content:
        return Content(*pickle.loads(content))


def drive(world: World, chain_of: Callable[[Storage], Chain], writer_of: type[Writer]) -> None:
    """Take the lock, commit for a while, and again, for ever."""
    while True:
        world.switch()
        if world.clock <= world.lock_ends:
            continue
        world.generation, world.lock_ends = world.generation + 1, world.clock + LOCK_LASTS
        generation = world.generation

        def check(mine: int = generation) -> None:
            world.switch()
            if world.generation != mine or world.clock > world.lock_ends:
                raise LostError("lost")
            world.lock_ends = world.clock + LOCK_LASTS

        manifest = chain_of(Objects(world))
        try:
            writer = writer_of(manifest, manifest.read(), generation, check)
            writer.take()
            for _ in range(world.random.randint(1, 40)):
                _commit(world, writer)
        except LostError:
            continue
        finally:
            world.pending.pop(getcurrent(), None)
        if world.generation == generation:
            world.lock_ends = world.clock


def _commit(world: World, writer: Writer) -> None:
    shard = world.random.choice(SHARDS)
    value = "" if world.random.random() < 0.2 else f"{writer.generation}.{world.clock}"
    write = Write(shard, value, writer.generation)
    world.writes.append(write)
    world.pending[getcurrent()] = write
    writer.commit(to_rows([Entry(STEP, shard, value, {}, {})]) if value else dead_rows(STEP, [shard]))
    del world.pending[getcurrent()]
    write.is_due = write.was_held


def read_for_ever(world: World, chain_of: Callable[[Storage], Chain]) -> None:
    """A reader beside the drivers."""
    manifest = chain_of(Objects(world))
    while True:
        world.check(manifest)


def simulate(
    seed: int,
    steps: int,
    chain_of: Callable[[Storage], Chain] = PlainChain,
    writer_of: type[Writer] = Writer,
    drivers: int = 3,
) -> list[str]:
    """Let drivers and a reader run for some operations. Returns what went wrong.

    Args:
        seed: of all that is random.
        steps: operations in all.
        chain_of: the manifest under test.
        writer_of: its writer.
        drivers: at once; a killed one is replaced.
    """
    world = World(random.Random(seed))
    with (
        mock.patch.object(chain_writer, "GRACE", timedelta(seconds=GRACE)),
        mock.patch.object(chain_writer, "_now", world.now),
    ):
        _run(world, steps, chain_of, writer_of, drivers)
    return world.faults


def _run(world: World, steps: int, chain_of: Callable[[Storage], Chain], writer_of: type[Writer], drivers: int) -> None:
    def start() -> greenlet:
        return greenlet(lambda: drive(world, chain_of, writer_of))

    running = [*(start() for _ in range(drivers)), greenlet(lambda: read_for_ever(world, chain_of))]
    for _ in range(steps):
        awake = [one for one in running if world.paused.get(one, 0) <= world.clock]
        world.clock += 0 if awake else 1
        if not awake:
            continue
        one = world.random.choice(awake)
        draw = world.random.random()
        if draw < 0.01 and one is not running[-1]:
            one.throw(GreenletExit)
            running[running.index(one)] = start()
        elif draw < 0.04:
            world.paused[one] = world.clock + world.random.randint(1, 4 * GRACE)
        else:
            one.switch()
    for one in running:
        one.throw(GreenletExit)
    world.check(chain_of(Objects(world)))
