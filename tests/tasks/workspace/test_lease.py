"""The lock of an object store: who holds it, who takes it over, and what a holder learns that has lost it."""

from __future__ import annotations

import logging
import threading
import time
import uuid

import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.storage import Storage, open_storage
from reground.tasks.workspace import lease as leases
from reground.tasks.workspace.chain import LostError
from reground.tasks.workspace.lease import KEY, Document, Lease
from tests.support.waiting import wait_until

EXPIRY = 0.3
FROZEN = Document("`reground run` (process 7 on elsewhere)", 4, EXPIRY)


@pytest.fixture
def storage() -> Storage:
    return open_storage(f"memory://lease-{uuid.uuid4().hex}/w")


@pytest.fixture(autouse=True)
def _expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "EXPIRY", EXPIRY)


def nothing() -> int:
    return 0


def stored(storage: Storage) -> Document:
    return Document.decode(storage.get(KEY))


def test_the_holder_is_named_and_generations_grow(storage: Storage) -> None:
    first, second = Lease(storage, "reground masks"), Lease(storage, "reground run")
    with first.hold(wait=True, newest=nothing):
        assert first.generation == 1
        with pytest.raises(RegroundError, match=r"is held by `reground masks` \(process \d+ on .*\): wait for it"):
            second.hold(wait=False, newest=nothing).__enter__()
    assert stored(storage).free
    with second.hold(wait=False, newest=nothing):
        assert second.generation == stored(storage).generation == 2
    assert stored(storage).free, "the object stays: generations must go on growing"


def test_a_generation_is_larger_than_those_of_the_manifest(storage: Storage) -> None:
    copied = Lease(storage, "reground run")
    with copied.hold(wait=False, newest=lambda: 11):
        assert copied.generation == 12


NONSENSE = (b"", b"\xff", b"[1]", b'{"generation": 1e999}', b"[" * 100_000)


@pytest.mark.parametrize(("content", "generation"), [(FROZEN.encode(), 5), *((content, 1) for content in NONSENSE)])
def test_who_has_died_or_left_nonsense_is_waited_for_once(storage: Storage, content: bytes, generation: int) -> None:
    storage.put(KEY, content)
    lease = Lease(storage, "reground run")
    began = time.monotonic()
    with lease.hold(wait=True, newest=nothing):
        assert time.monotonic() - began >= EXPIRY
        assert lease.generation == generation


def test_who_beats_is_not_taken_over(storage: Storage) -> None:
    holder = Lease(storage, "reground run")
    with holder.hold(wait=True, newest=nothing):
        tags = {storage.get_tagged(KEY)[1]}
        wait_until(lambda: len(tags) > 3 or tags.add(storage.get_tagged(KEY)[1]))
        holder.check()


def test_who_waits_gets_it_when_it_is_freed(
    storage: Storage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "EXPIRY", 3600.0)
    holder, waiter = Lease(storage, "reground run"), Lease(storage, "reground masks")
    order: list[str] = []

    def wait() -> None:
        with waiter.hold(wait=True, newest=nothing):
            order.append("waiter")

    with holder.hold(wait=True, newest=nothing):
        thread = threading.Thread(target=wait)
        thread.start()
        wait_until(lambda: "waiting for memory://" in capsys.readouterr().err)
        order.append("holder")
    thread.join()
    assert order == ["holder", "waiter"]
    assert waiter.generation == 2


def test_a_holder_that_was_paused_too_long_is_told(storage: Storage) -> None:
    paused = Lease(storage, "reground run")
    with paused.hold(wait=True, newest=nothing):
        storage.put(KEY, FROZEN.encode())  # somebody has taken over meanwhile
        paused._beaten = -1e9
        with pytest.raises(LostError, match=r"another run has taken memory://.* over"):
            paused.check()
    assert stored(storage).holder == FROZEN.holder, "what is another's is not freed"


def test_a_holder_that_was_paused_and_not_taken_over_goes_on(storage: Storage) -> None:
    paused = Lease(storage, "reground run")
    with paused.hold(wait=True, newest=nothing):
        paused._beaten = -1e9
        paused.check()
        assert stored(storage).holder == paused._document.holder


def test_a_store_that_ignores_conditions_is_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def ignore(key: str, content: bytes, tag: str = "") -> str:
        storage.put(key, content)
        return storage.get_tagged(key)[1]

    with Lease(storage, "reground run").hold(wait=True, newest=nothing):
        assert not caplog.messages
    monkeypatch.setattr(storage, "create", ignore)
    monkeypatch.setattr(storage, "replace", ignore)
    with caplog.at_level(logging.WARNING), Lease(storage, "reground run").hold(wait=True, newest=nothing):
        assert "ignores conditional writes: two runs at once do not notice each other" in caplog.text
