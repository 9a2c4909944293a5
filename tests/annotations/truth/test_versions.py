"""Every truth there was: kept once, found by number and digits, compared with the reason."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.truth import step as truth
from reground.annotations.truth.fingerprint import vote_fingerprint
from reground.annotations.truth.step import TruthSettings
from reground.annotations.truth.versions import diff, find, versions
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.schema import to_arrow
from reground.tasks.workspace import Output, Workspace, finish, run_shard, todo
from tests.support.tables import class_row, image, put, vote


def five(image_id: str, answers: dict[int, int]) -> list[dict[str, Any]]:
    """Five people on each label, so many of whom said yes."""
    return [
        vote(image_id, label, f"p{n}", "yes" if n < yes else "no", "classify", main=n < yes and yes == 5, num_objects=1)
        for label, yes in answers.items()
        for n in range(5)
    ]


def settle(workspace: Workspace, votes: list[dict[str, Any]], settings: TruthSettings | None = None) -> str:
    """Put votes in place of those there were and make the truth; returns its version."""
    chosen = settings or TruthSettings()
    workspace.commit("people", "0000", json.dumps(votes)[:32], Output({"votes": votes}))
    plan = todo(truth.STEP, workspace, chosen)
    for shard in plan.missing:
        run_shard(truth.STEP, workspace, chosen, shard)
    finish(truth.STEP, workspace, plan)
    return workspace.table_digest("truth")[:12]


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


def test_other_votes_change_their_image_alone(workspace: Workspace) -> None:
    settle(workspace, BOTH)
    settle(workspace, [*five("a", {7: 5, 3: 4}), *five("b", {7: 5})])
    found = diff(workspace, "1", "2")
    assert (found.unchanged, found.settings) == (1, {})
    (change,) = found.changes
    assert change.before is not None and change.after is not None
    assert (change.image_id, change.before["labels"], change.after["labels"]) == ("a", [7], [7, 3])
    assert change.why == ["votes"]
    assert found.transitions() == {("confirmed", "extended"): 1}


def test_labels_in_another_order_are_the_same_labels(workspace: Workspace) -> None:
    settle(workspace, [*five("a", {7: 4, 3: 3})])
    settle(workspace, [*five("a", {7: 3, 3: 4})])
    assert len(versions(workspace)) == 2
    assert diff(workspace, "1", "2").changes == []


def test_settings_and_method_are_reasons(workspace: Workspace) -> None:
    settle(workspace, BOTH)
    settle(workspace, BOTH, TruthSettings(keep=0.1, method="dawid-skene"))
    settle(workspace, BOTH, TruthSettings(keep=0.1))
    assert diff(workspace, "1", "3").settings == {"keep": (0.5, 0.1)}
    assert diff(workspace, "1", "3").reasons() == {"settings": 1}
    assert "method" in diff(workspace, "1", "2").settings


def test_new_and_lost_images_and_originals(workspace: Workspace) -> None:
    settle(workspace, BOTH)
    put(workspace, "images", [image("a", 3), image("c", 7)])
    settle(workspace, BOTH[:10])
    found = diff(workspace, "1", "2")
    assert {c.image_id: c.why for c in found.changes} == {"a": ["original"], "b": ["image gone"], "c": ["new image"]}


def test_versions_are_found_by_what_people_have_at_hand(workspace: Workspace) -> None:
    with pytest.raises(RegroundError, match="found none"):
        find(workspace, "1")
    version = settle(workspace, BOTH)
    assert find(workspace, version[:5]) == find(workspace, "1")
    with pytest.raises(UsageError, match=version):
        find(workspace, "9")


def test_on_the_command_line(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    settle(workspace, BOTH)
    settle(workspace, [*five("a", {7: 0, 3: 5}), *five("b", {7: 5})])
    assert main(["truth", "-w", workspace.url, "versions"]) == 0
    assert "2  " in capsys.readouterr().out
    assert main(["truth", "diff", "1", "2", "-w", workspace.url]) == 0
    out = capsys.readouterr().out
    assert "a: [tench; main tench, objects 1; confirmed] -> [hook; main hook, objects 1; changed]; votes" in out
    assert "images: 1 changed, 1 the same" in out
    assert main(["truth", "diff", "1", "2", "--json", "-w", workspace.url]) == 0
    assert json.loads(capsys.readouterr().out)["changes"][0]["image_id"] == "a"
    assert main(["truth", "diff", "1", "-w", workspace.url]) == 2
    assert main(["truth", "difff", "-w", workspace.url]) == 2
    assert "versions" in capsys.readouterr().err


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
