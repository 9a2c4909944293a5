"""The step finds each kind by its method, ranks it, and says what a kind lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from reground.tasks.errors import RegroundError
from reground.tasks.suspects import REGISTRY, STEP, Method, Suspect, SuspectSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, put, put_truth, truth_row


def tiny(lacks: str = "", scores: Sequence[float] = (0.1, 0.9, 0.9)) -> Method:
    """A method that suspects the images a, b, c, ..."""
    return Method(
        tables=lambda workspace, settings: (),
        find=lambda workspace, settings: [
            Suspect("abc"[n], score, score > 0.5, 0.5, evidence={"score": score})  # type: ignore[arg-type]
            for n, score in enumerate(scores)
        ],
        missing=lambda workspace, settings: lacks,
        limit="nothing is shown",
    )


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    yield
    REGISTRY.unregister_all()


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image(name, 0) for name in "abc"])
    return workspace


def run(workspace: Workspace, *kinds: str) -> None:
    settings = SuspectSettings(find=kinds)
    for shard in todo(STEP, workspace, settings).missing:
        run_shard(STEP, workspace, settings, shard)


def test_suspects_are_ranked_by_score_then_key(workspace: Workspace) -> None:
    REGISTRY.register("tiny", tiny())
    run(workspace, "tiny")
    suspects = workspace.read("suspects")
    assert suspects["image_id"].tolist() == ["b", "c", "a"]
    assert suspects["rank"].tolist() == [1, 2, 3]
    assert suspects["flagged"].tolist() == [True, True, False]
    assert json.loads(suspects["evidence"][0]) == {"score": 0.9}


def test_a_kind_that_was_asked_for_says_what_it_lacks(workspace: Workspace) -> None:
    REGISTRY.register("tiny", tiny("there are no features: `reground predict --features`"))
    with pytest.raises(RegroundError, match=r"'tiny'.*no features.*predict --features"):
        run(workspace, "tiny")


def test_a_workspace_of_votes_alone_has_no_suspects(workspace_url: str) -> None:
    assert not todo(STEP, Workspace(workspace_url), SuspectSettings()).shards
    with pytest.raises(RegroundError, match=r"'images'.*reground index"):
        todo(STEP, Workspace(workspace_url), SuspectSettings(find=("label",)))


def test_an_unknown_kind_lists_those_there_are(workspace: Workspace) -> None:
    REGISTRY.register("tiny", tiny())
    with pytest.raises(RegroundError, match=r"'dupliacte'.*tiny"):
        run(workspace, "dupliacte")


def test_what_people_have_decided_settles_a_suspect(workspace: Workspace) -> None:
    REGISTRY.register("tiny", tiny())
    run(workspace, "tiny")
    assert workspace.read("suspects")["settled_by"].isna().all()
    put_truth(
        workspace,
        [
            truth_row("a", [1], "confirmed", 1),
            {**truth_row("b", [1], "confirmed", 1), "decided": [1]},
            truth_row("c", [], "in_review", None),
        ],
    )
    run(workspace, "tiny")
    suspects = workspace.read("suspects").set_index("image_id")["settled_by"]
    assert suspects["a"] == "votes" and suspects["b"] == "decision" and suspects.isna()["c"]
