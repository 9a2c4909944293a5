"""Which votes count: held-out sources, excluded annotators, and the policy as it is stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.errors import RegroundError
from reground.tasks.schema import to_arrow
from reground.tasks.votes import (
    POLICY_TABLE,
    VotePolicy,
    counted_votes,
    current_policy,
    excluded,
    parse_policy,
    read_votes,
    truth_policy,
)
from reground.tasks.workspace import Workspace
from tests.support.tables import annotator, put, put_truth, vote

CREW = [vote("a", 7, who, "yes", "contains", source="crew", annotator_id=f"crew:{who}") for who in ("ann", "bob")]
PILOT = [vote("a", 7, "cy", "no", "classify", source="pilot", annotator_id="pilot:cy")]


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    made = Workspace(workspace_url)
    put(made, "votes", [*CREW, *PILOT])
    put(made, "annotators", [annotator("crew:ann", excluded="asleep"), annotator("crew:bob")])
    return made


@pytest.mark.parametrize(
    ("policy", "people"),
    [
        (VotePolicy(), {"crew:bob", "pilot:cy"}),
        (VotePolicy(frozenset({"pilot"})), {"crew:bob"}),
        (VotePolicy(frozenset({"pilot"}), count_excluded=True), {"crew:ann", "crew:bob"}),
        (VotePolicy(frozenset({"crew", "pilot"})), set()),
    ],
)
def test_the_policy_says_whose_votes_count(workspace: Workspace, policy: VotePolicy, people: set[str]) -> None:
    votes = read_votes(workspace, policy, ["annotator_id"])
    assert votes.column_names == ["annotator_id"] and set(votes["annotator_id"].to_pylist()) == people
    whole = counted_votes(workspace.read_arrow("votes"), policy, excluded(workspace, policy))
    assert set(whole["annotator_id"].to_pylist()) == people


def test_votes_on_one_question(workspace: Workspace) -> None:
    assert len(read_votes(workspace, VotePolicy(), ["image_id"], "contains")) == 1
    assert len(read_votes(workspace, VotePolicy(), ["image_id"], "rate")) == 0


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abc")), unique=True))
def test_held_out_and_counted_votes_add_up(people: list[tuple[str, str]]) -> None:
    rows = [vote("i", 1, who, source=source, annotator_id=f"{source}:{who}") for source, who in people]
    votes = to_arrow("votes", rows)
    counted = counted_votes(votes, VotePolicy(frozenset("x")), ["y:a"])["annotator_id"].to_pylist()
    left_out = [f"{source}:{who}" for source, who in people if source == "x" or (source, who) == ("y", "a")]
    assert sorted([*counted, *left_out]) == sorted(row["annotator_id"] for row in rows)


@given(st.builds(VotePolicy, st.frozensets(st.text()), st.booleans(), st.booleans(), st.floats(0, 1), st.floats(0, 1)))
def test_a_policy_comes_back_as_it_was_stored(policy: VotePolicy) -> None:
    assert parse_policy(to_arrow(POLICY_TABLE, [policy.row()])) == policy


def test_before_the_first_truth_settings_say_the_policy(workspace: Workspace) -> None:
    from_settings, of_truth = VotePolicy(ratio=0.3), VotePolicy(ratio=0.7)
    assert current_policy(workspace, from_settings) == from_settings
    with pytest.raises(RegroundError, match="run `reground truth"):
        truth_policy(workspace)
    put_truth(workspace, [], of_truth)
    assert truth_policy(workspace) == current_policy(workspace, from_settings) == of_truth


def test_a_truth_without_a_policy_is_refused(workspace: Workspace) -> None:
    put(workspace, "truth", [])
    with pytest.raises(RegroundError, match="Run `reground truth"):
        truth_policy(workspace)


def test_answers_on_pairs_with_a_known_answer_count_only_if_asked_for(workspace: Workspace) -> None:
    """Those of this workspace's questions; votes that others have published were not asked to measure anybody."""
    published = {**vote("a", 0, "cy"), "source": "crew", "annotator_id": "crew:cy"}
    put(workspace, "votes", [vote("a", 0, "ann"), vote("a", 1, "ann"), vote("b", 0, "ann"), published])
    put(workspace, "gold", [{"image_id": "a", "class_idx": 0, "answer": "yes", "source": "known"}])
    columns = ["image_id", "class_idx", "source"]

    def pairs(policy: VotePolicy) -> list[tuple[str, int, str]]:
        rows = read_votes(workspace, policy, columns).to_pylist()
        return sorted((row["image_id"], row["class_idx"], row["source"]) for row in rows)

    assert pairs(VotePolicy()) == [("a", 0, "crew"), ("a", 1, "recorded"), ("b", 0, "recorded")]
    assert len(pairs(VotePolicy(count_gold=True))) == 4
