"""What every storage does: whole objects, listings, and puts that depend on what is there."""

from __future__ import annotations

import errno
import os
import pickle
import threading
from pathlib import Path

import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.storage import ConflictError, Storage, check_key, open_storage


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return open_storage(tmp_path / "s" if request.param == "folder" else f"memory://{tmp_path.name}/some/prefix")


def test_a_whole_object_is_written_read_and_removed(storage: Storage) -> None:
    storage.put("a/b.txt", b"hello")
    storage.put("a/b.txt", b"hello, world")
    assert storage.get("a/b.txt") == b"hello, world" and storage.exists("a/b.txt")
    assert storage.get_range("a/b.txt", 7, 3) == b"wor" and storage.get_range("a/b.txt", 7, 99) == b"world"
    storage.delete(["never/there", "a/b.txt"])
    assert not storage.exists("a/b.txt")
    for read in (storage.get, storage.get_tagged, lambda key: storage.get_range(key, 0, 1)):
        with pytest.raises(FileNotFoundError, match=r"a/b\.txt"):
            read("a/b.txt")


def test_many_objects_are_written_at_once(storage: Storage) -> None:
    contents = {f"{number % 3}/{number}": str(number).encode() for number in range(250)}
    storage.put("0/0", b"before")
    storage.put_all(contents)
    storage.put_all({})
    assert {one.key: storage.get(one.key) for one in storage.list()} == contents


def test_of_many_objects_none_has_its_name_before_all_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[list[str]] = []
    fsync = os.fsync

    def full(handle: int) -> None:
        flushed.append([one.key for one in open_storage(tmp_path).list()])
        if len(flushed) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RegroundError, match="No space left"):
        open_storage(tmp_path).put_all(dict.fromkeys("abcd", b"whole"))
    assert flushed == [[]] * 3
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "fsync", fsync)
    open_storage(tmp_path).put_all(dict.fromkeys("abcd", b"whole"))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"] * 4


def test_a_listing_is_by_folder_and_shows_what_was_just_written(storage: Storage) -> None:
    assert storage.list("a") == []
    for key in ("a/2", "a/deeper/1", "ab/3", "c"):
        storage.put(key, key.encode())
    assert [(one.key, one.size) for one in storage.list("a")] == [("a/2", 3), ("a/deeper/1", 10)]
    assert [one.key for one in storage.list()] == ["a/2", "a/deeper/1", "ab/3", "c"]
    assert all(one.modified.tzinfo is not None for one in storage.list())


def test_an_object_is_created_once(storage: Storage) -> None:
    storage.create("lock", b"mine")
    with pytest.raises(ConflictError):
        storage.create("lock", b"yours")
    assert storage.get("lock") == b"mine"


def test_a_create_whose_answer_was_lost_counts(storage: Storage) -> None:
    tag = storage.create("lock", b"mine")
    assert storage.create("lock", b"mine") == tag


def test_an_object_is_replaced_by_whoever_read_it_last(storage: Storage) -> None:
    storage.create("lock", b"1")
    content, tag = storage.get_tagged("lock")
    new = storage.replace("lock", content + b"2", tag)
    assert storage.get_tagged("lock") == (b"12", new)
    with pytest.raises(ConflictError):
        storage.replace("lock", b"13", tag)
    storage.delete(["lock"])
    with pytest.raises(ConflictError):
        storage.replace("lock", b"14", new)


def test_one_of_many_creators_wins(storage: Storage) -> None:
    winners: list[int] = []

    def create(number: int) -> None:
        for key in range(20):
            try:
                storage.create(f"{key}", str(number).encode())
                winners.append(key)
            except ConflictError:
                pass

    threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(winners) == list(range(20))


def test_a_storage_travels_to_another_process(storage: Storage) -> None:
    storage.put("a", b"1")
    assert pickle.loads(pickle.dumps(storage)).get("a") == b"1"


def test_only_a_folder_has_paths(tmp_path: Path) -> None:
    assert open_storage(tmp_path).local_path("a/b") == tmp_path / "a" / "b"
    assert open_storage("memory://m").local_path("a/b") is None


def test_interrupted_puts_are_swept_and_not_listed(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    storage.put("tables/a", b"1")
    (tmp_path / "tables" / ".a.1-2.tmp").write_bytes(b"half")
    assert [one.key for one in storage.list("tables")] == ["tables/a"]
    assert storage.sweep("tables") == 1 and storage.sweep("tables") == 0
    assert storage.get("tables/a") == b"1"


def test_nothing_is_written_or_removed_through_a_link_that_leads_out(tmp_path: Path) -> None:
    outside, root = tmp_path / "mail", tmp_path / "w"
    outside.mkdir()
    (outside / "inbox").write_bytes(b"letters")
    root.mkdir()
    (root / "tables").symlink_to(outside)
    storage = open_storage(root)
    with pytest.raises(RegroundError, match="leads out of"):
        storage.delete(["tables/inbox"])
    with pytest.raises(RegroundError, match="leads out of"):
        storage.put("tables/inbox", b"")
    assert (outside / "inbox").read_bytes() == b"letters"
    assert storage.list("tables") == []


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "w").symlink_to(tmp_path / "disk")
    open_storage(tmp_path / "w").put("a", b"1")
    assert (tmp_path / "disk" / "a").read_bytes() == b"1"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../b", "..", "a//b", "a/./b", "a\nb", "a\\b", "a/"])
def test_keys_stay_below_the_root(key: str) -> None:
    with pytest.raises(ValueError, match="expected a path below the root"):
        check_key(key)


@pytest.mark.parametrize("url", ["nosuch://bucket/W", "http://host/W", "memory://", "s3://"])
def test_an_address_that_leads_nowhere(url: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        open_storage(url)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(RegroundError, match="cannot write"):
        open_storage(tmp_path).put("a", b"1")
