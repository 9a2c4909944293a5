"""Every truth there was is kept once."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.truth.fingerprint import vote_fingerprint
from reground.annotations.truth.step import TruthSettings
from reground.annotations.truth.versions import versions
from reground.tasks.schema import to_arrow
from reground.tasks.workspace import Workspace
from tests.support.tables import class_row, image, put, vote
from tests.support.truth_versions import five, settle


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    made = Workspace(workspace_url)
    put(made, "classes", [class_row(7, "tench"), class_row(3, "hook"), class_row(4, "net")])
    put(made, "images", [image("a", 7), image("b", 7)])
    return made


BOTH = [*five("a", {7: 5, 3: 1}), *five("b", {7: 5})]


def test_the_same_truth_is_kept_once_and_another_beside_it(workspace: Workspace) -> None:
    first = settle(workspace, BOTH)
    assert settle(workspace, BOTH) == first
    second = settle(workspace, [*five("a", {7: 5, 3: 4}), *five("b", {7: 5})])
    assert settle(workspace, BOTH) == first
    found = versions(workspace)
    assert [(v.number, v.version, v.votes) for v in found] == [(1, first, 15), (2, second, 15)]
    assert workspace.read(f"truths/{first}").equals(workspace.read("truth"))


def test_a_version_is_told_by_the_last_settings_that_gave_it(workspace: Workspace) -> None:
    first = settle(workspace, BOTH)
    assert settle(workspace, BOTH, TruthSettings(keep=0.6)) == first
    assert [(v.number, v.settings["keep"]) for v in versions(workspace)] == [(1, 0.6)]
    assert workspace.read(f"truths/{first}").equals(workspace.read("truth"))


VOTES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.sampled_from("pq"), st.sampled_from(["yes", "no"])),
    unique_by=lambda v: v[:3],
)


def table(votes: list[tuple[str, int, str, str]]) -> pa.Table:
    return to_arrow("votes", [vote(*one) for one in votes])


@given(VOTES, st.randoms())
def test_the_fingerprint_is_the_votes_in_any_order(votes: list[tuple[str, int, str, str]], random: Any) -> None:
    shuffled = votes.copy()
    random.shuffle(shuffled)
    before = vote_fingerprint(table(votes))
    assert vote_fingerprint(table(shuffled)) == before
    if votes:
        changed = (*votes[0][:3], "maybe")
        after = vote_fingerprint(table([changed, *votes[1:]]))
        assert [name for name in before if before[name] != after[name]] == [votes[0][0]]
