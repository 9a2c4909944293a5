"""The manifest's protocol: nothing acknowledged is lost, whoever is paused, killed or late."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.storage import open_storage
from reground.tasks.workspace.chain import (
    Chain,
    DamagedManifestError,
    FileName,
    LostError,
    State,
)
from reground.tasks.workspace.chain_writer import Writer
from reground.tasks.workspace.entry_rows import dead_rows, to_entries, to_rows
from reground.tasks.workspace.manifest import Entry, Part
from tests.support.manifest_world import PlainChain, simulate

RUNS, STEPS = 25, 1_500


class OldLogsCount(PlainChain):
    """A mutation: logs of a generation before the head's are laid over it."""

    def _state(self, listed: dict[FileName, tuple[int, datetime]]) -> State:
        state = super()._state(listed)
        folded = self._get(state.head).folded if state.head else frozenset()
        logs = sorted(name for name in listed if name.kind == "log" and name.key not in folded)
        merges = [state.head] if state.head and state.head.kind == "merge" else []
        state.open = [name.key for name in (*merges, *logs)]
        state.layers = [self._get(name).rows for name in (*merges, *logs)]
        return state


def test_no_acknowledged_commit_is_lost_or_overruled_by_an_older_one() -> None:
    assert [fault for seed in range(RUNS) for fault in simulate(seed, STEPS)] == []


def test_the_simulation_notices_logs_of_a_driver_that_lost_the_lock() -> None:
    assert any(simulate(seed, STEPS, OldLogsCount) for seed in range(RUNS))


def entry(shard: str, key: str = "k") -> Entry:
    part = Part(f"tables/dropped/{shard}.parquet", 1, 10, "0" * 32)
    return Entry("index", shard, key, {"dropped": part}, {}, {"seed": 1})


def keys(chain: Chain) -> dict[str, str]:
    return {one.shard: one.key for one in to_entries(chain.read().rows())}


@pytest.fixture(params=["folder", "memory"])
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Chain:
    return Chain(open_storage(tmp_path / "s" if request.param == "folder" else f"memory://{tmp_path.name}"))


def test_entries_come_back_as_they_were_listed(chain: Chain) -> None:
    Writer(chain, chain.read()).commit(to_rows([entry("a"), Entry("report", "all", "k", {}, {}, {})]))
    assert sorted(to_entries(chain.read().rows()), key=lambda one: one.step) == [
        entry("a"),
        Entry("report", "all", "k", {}, {}, {}),
    ]


def test_a_shard_is_replaced_taken_off_and_made_again(chain: Chain) -> None:
    writer = Writer(chain, chain.read())
    writer.commit(to_rows([entry("a"), entry("b")]))
    writer.commit(to_rows([entry("a", "new")]))
    writer.commit(dead_rows("index", ["b"]))
    assert keys(chain) == {"a": "new"}
    Writer(chain, chain.read()).commit(to_rows([entry("b", "again")]))
    assert keys(chain) == {"a": "new", "b": "again"}


def test_many_commits_are_folded_and_stay_few_files(chain: Chain) -> None:
    for generation in range(5):
        writer = Writer(chain, chain.read(), is_alone=lambda: True)
        for number in range(60):
            writer.commit(to_rows([entry(f"{generation}-{number}")]))
    assert len(keys(chain)) == 300 and len(chain.list()) < 100


def test_who_was_overtaken_is_told_and_what_it_wrote_does_not_count(chain: Chain) -> None:
    late, new = Writer(chain, chain.read()), Writer(chain, chain.read(), 7)
    late.commit(to_rows([entry("a", "old")]))
    new.commit(to_rows([entry("a", "new")]))
    late.commit(to_rows([entry("a", "late")]))
    with pytest.raises(LostError, match=r"taken .* over"):
        late.fold()
    assert keys(chain) == {"a": "new"}


def test_a_reader_that_read_before_reads_only_what_is_new(chain: Chain) -> None:
    Writer(chain, chain.read()).commit(to_rows([entry("a")]))
    state = chain.read()
    assert chain.read(state) is state
    Writer(chain, chain.read()).commit(to_rows([entry("b")]))
    assert chain.read(state) is not state


@pytest.mark.parametrize("bit", range(0, 800, 37))
def test_a_flipped_bit_in_the_manifest_is_noticed(tmp_path: Path, bit: int) -> None:
    chain = Chain(open_storage(tmp_path), "reground repair -w W")
    Writer(chain, chain.read()).commit(to_rows([entry("a")]))
    (file,) = (tmp_path / "manifest").iterdir()
    content = bytearray(file.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    file.write_bytes(content)
    with pytest.raises(DamagedManifestError, match=r"manifest/merge-.* run `reground repair -w W`"):
        Chain(open_storage(tmp_path), "reground repair -w W").read()


@pytest.mark.parametrize(
    "path",
    ["../mail", "/etc/passwd", "tables/../../mail", "settings.json", "tables", "files/a/../../lock", "tables//a"],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from reground.tasks.workspace import entry_rows

    chain = Chain(open_storage(tmp_path))
    with monkeypatch.context() as trusting:
        trusting.setattr(entry_rows, "check_path", lambda path: path)
        Writer(chain, chain.read()).commit(
            to_rows([Entry("index", "a", "k", {"dropped": Part(path, 1, 10, "0" * 32)}, {}, {})])
        )
    with pytest.raises(DamagedManifestError, match="expected a path"):
        Chain(open_storage(tmp_path)).read()


def test_a_workspace_of_an_earlier_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "manifest" / "index").mkdir(parents=True)
    (tmp_path / "manifest" / "index" / "0000.json").write_text("{}")
    with pytest.raises(RegroundError, match=r"made by an earlier version .*manifest/index/0000\.json"):
        Chain(open_storage(tmp_path)).read()


def test_a_foreign_file_beside_the_manifest_is_not_read(tmp_path: Path) -> None:
    chain = Chain(open_storage(tmp_path))
    Writer(chain, chain.read()).commit(to_rows([entry("a")]))
    (tmp_path / "manifest" / "notes.txt").write_text("mine")
    assert keys(chain) == {"a": "k"}
