"""Suspects first: an order that mixes kinds and stays the same, and questions that hold the proposed labels."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from reground.annotations.rounds.selection import select_pairs
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.suspects import REGISTRY, STEP, Method, Suspect, SuspectSettings
from reground.tasks.votes import DEFAULT_POLICY
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.rounds_world import plan, truth
from tests.support.tables import put_truth

DOUBT = {"i07": 0.9, "i05": 0.8, "i03": 0.7, "i01": 0.1}
ODD = {"i05": 9.0, "i02": 8.0, "i11": 7.0}
MIXED = ["i07", "i05", "i03", "i02", "i11"]
"""One of doubt, one of odd, and so on: i05 is the first of odd; i01 is not flagged."""
PROPOSED = 4
"""Nowhere a candidate."""


def method(scores: dict[str, float], proposed: tuple[int, ...]) -> Method:
    def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
        suspects = [Suspect(i, score, score > 0.5, proposed=proposed) for i, score in scores.items()]  # type: ignore[arg-type]
        random.shuffle(suspects)
        return suspects

    return Method(lambda workspace, settings: (), find, lambda workspace, settings: "", "nothing is shown")


@pytest.fixture
def suspected(workspace: Workspace) -> Iterator[Workspace]:
    REGISTRY.register("doubt", method(DOUBT, (PROPOSED,)))
    REGISTRY.register("odd", method(ODD, ()))
    find(workspace)
    yield workspace
    REGISTRY.unregister_all()


def find(workspace: Workspace) -> None:
    settings = SuspectSettings(find=("doubt", "odd"))
    for shard in todo(STEP, workspace, settings).missing:
        run_shard(STEP, workspace, settings, shard)


def selected(workspace: Workspace, kind: str = "classify", ask: str = "", limit: int = 0, *suspects: str) -> list[str]:
    rows = select_pairs(workspace, kind, 2, ask, limit, DEFAULT_POLICY, suspects=suspects)
    return list(dict.fromkeys(rows["image_id"]))


def test_suspects_come_first_each_kind_in_turn_and_the_others_after_them(suspected: Workspace) -> None:
    before = selected(suspected, ask="candidates")
    order = selected(suspected, "classify", "candidates", 0, "doubt", "odd")
    assert order == MIXED + [image_id for image_id in before if image_id not in MIXED]
    assert selected(suspected, "classify", "candidates", 0, "odd", "doubt")[:3] == ["i05", "i07", "i02"]
    assert selected(suspected, "classify", "candidates", 2, "doubt", "odd") == MIXED[:2]
    assert selected(suspected, "contains", "candidates", 3, "odd") == ["i05", "i02"]  # pairs, not images
    asked = plan(suspected, "classify", selection="candidates", suspects=("doubt", "odd"), limit=2).questions
    assert {question.image_ids[0] for question in asked} == set(MIXED[:2])


def test_no_pair_is_lost_or_added(suspected: Workspace) -> None:
    def rows(*suspects: str) -> set[tuple[str, int]]:
        pairs = select_pairs(suspected, "contains", 2, "candidates", 0, DEFAULT_POLICY, suspects=suspects)
        return set(zip(pairs["image_id"], pairs["class_idx"], strict=True))

    assert rows("doubt", "odd") == rows()


def test_a_proposed_label_is_asked_about_though_it_is_no_candidate(suspected: Workspace) -> None:
    questions = plan(suspected, "classify", selection="suspects").questions
    labels = {str(question.image_ids[0]): set(question.class_idxs) for question in questions}
    assert labels.keys() == set(MIXED)
    assert labels["i07"] == {1, 2, PROPOSED} and labels["i02"] == {2, 0}
    again = plan(suspected, "classify", selection="suspects").questions
    assert again == questions


def test_what_people_have_settled_does_not_come_up(suspected: Workspace) -> None:
    put_truth(suspected, [truth("i05", {2: 1.0}), truth("i07", {1: 0.5}, state="in_review", outcome=None, labels=None)])
    rest = [image_id for image_id in MIXED if image_id != "i05"]
    for _ in range(2):  # whether or not suspects were found again since
        assert selected(suspected, ask="suspects") == ["i07", "i02", "i03", "i11"]
        first = selected(suspected, "classify", "candidates", len(rest), "doubt", "odd")
        assert sorted(first) == sorted(rest)
        find(suspected)


def test_kinds_that_nobody_finds_or_that_were_not_looked_for(suspected: Workspace) -> None:
    with pytest.raises(UsageError, match=r"'dout'.*did you mean 'doubt'"):
        selected(suspected, "classify", "candidates", 0, "dout")
    with pytest.raises(RegroundError, match=r"for: doubt, odd\. Run `reground suspects .* --find doubt,odd,label`"):
        selected(suspected, "classify", "suspects", 0, "label")
