"""Planted pairs of classes have the verdict that they were planted with, and what nobody judged counts as nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from reground.tasks.class_pairs import STEP, ClassPairSettings
from reground.tasks.workspace import Workspace, run_shard, todo
from tests.support.tables import image, prediction, put, put_truth, truth_row, vote

SUNGLASS, SUNGLASSES, TABBY, TIGER_CAT, DESK, MOUSE, HARP, ORGAN, LONE = range(9)
EACH = 20


def run(workspace: Workspace, **settings: Any) -> dict[tuple[int, int], SimpleNamespace]:
    """Pair -> its row."""
    whole = ClassPairSettings(**settings)
    for shard in todo(STEP, workspace, whole).missing:
        run_shard(STEP, workspace, whole, shard)
    rows = workspace.read_arrow("class_pairs").to_pylist()
    return {(row["class_a"], row["class_b"]): SimpleNamespace(**row) for row in rows}


def judged(image_id: str, both: tuple[int, int], labels: list[int], **more: Any) -> dict[str, Any]:
    """A row of truth: people judged both labels, and accept some."""
    row = truth_row(image_id, labels, "confirmed" if labels else "empty", None)
    return {**row, "judged": list(both), "confidence": [1.0, 0.0], "shown": [5, 5], **more}


@pytest.fixture
def workspace(workspace_url: str) -> Workspace:
    """Twenty images of each class; models answer the other class of the first two pairs on every fourth."""
    workspace = Workspace(workspace_url)
    images, predictions, truth = [], [], []
    for low, high in ((SUNGLASS, SUNGLASSES), (TABBY, TIGER_CAT), (DESK, MOUSE), (HARP, ORGAN)):
        for label, other in ((low, high), (high, low)):
            for n in range(EACH):
                name = f"{label}-{n:02d}"
                images.append(image(name, label))
                mixed = n % 4 == 0 if label <= TIGER_CAT else n == 0 and label == HARP
                predictions.append(prediction(name, [other if mixed else label]))
                together = label in (SUNGLASS, SUNGLASSES, DESK, MOUSE)
                if label < HARP or n < 2:
                    truth.append(judged(name, (low, high), [low, high] if together else [label]))
    put(workspace, "images", images)
    put(workspace, "predictions/m", predictions)
    put_truth(workspace, truth)
    return workspace


def test_planted_pairs(workspace: Workspace) -> None:
    """Mutation: co-selection alone makes a synonym of a desk and a mouse."""
    pairs = run(workspace, confused=0.12)
    assert {pair: row.verdict for pair, row in pairs.items()} == {
        (SUNGLASS, SUNGLASSES): "synonym",
        (TABBY, TIGER_CAT): "confusable",
        (DESK, MOUSE): "separable",  # always together, and no model takes one for the other
        (HARP, ORGAN): "undecided",  # people settled four images
    }
    tabby = pairs[(TABBY, TIGER_CAT)]
    assert (tabby.co_selected, tabby.exclusive, tabby.n, tabby.images) == (0, 2 * EACH, 2 * EACH, 2 * EACH)
    assert tabby.confused == pytest.approx(0.25)
    assert tabby.low == 0 and 0 < tabby.high < 0.1
    assert {row.source for row in pairs.values()} == {"both"}


def test_accuracy_if_both_were_one_class(workspace: Workspace) -> None:
    put(workspace, "predictions/n", [prediction(f"{TABBY}-00", [TIGER_CAT]), prediction(f"{TABBY}-01", [DESK])])
    pairs = run(workspace)
    tabby = pairs[(TABBY, TIGER_CAT)]
    assert list(tabby.models) == ["m", "n"]
    assert list(tabby.top1) == [0.75, 0.0] and list(tabby.merged_top1) == [1.0, 0.5]
    # The image with two models counts once: half of them on 01, all of them on 00.
    assert tabby.confused == pytest.approx(0.25)
    assert pairs[(TABBY, DESK)].confused == pytest.approx(0.5 / EACH / 2)


def test_images_that_nobody_settled_count_as_nothing(workspace: Workspace) -> None:
    """Mutation: an image without a decision that counts as 'none' or by its original label adds to exclusive."""
    before = run(workspace)
    rows = workspace.read_arrow("truth").to_pylist()
    both = (TABBY, TIGER_CAT)
    rows += [{**judged(f"open-{n}", both, []), "state": "in_review", "outcome": None, "labels": None} for n in range(9)]
    rows += [{**truth_row(f"new-{n}", [TABBY], "unreviewed", None), "judged": []} for n in range(9)]
    rows += [judged(f"empty-{n}", both, []) for n in range(9)]
    put_truth(workspace, rows)
    after = run(workspace)
    assert after[both] == before[both]


def test_labels_of_two_objects_are_no_synonyms(workspace: Workspace) -> None:
    rows = workspace.read_arrow("truth").to_pylist()
    for row in rows:
        if set(row["judged"]) == {SUNGLASS, SUNGLASSES}:
            row["objects"] = [[SUNGLASS], [SUNGLASSES]]
    put_truth(workspace, rows)
    pair = run(workspace)[(SUNGLASS, SUNGLASSES)]
    assert pair.verdict == "undecided" and pair.two_objects == 2 * EACH
    put_truth(workspace, [{**row, "isolated": [SUNGLASS]} for row in rows])  # the object is a guess
    pair = run(workspace)[(SUNGLASS, SUNGLASSES)]
    assert pair.verdict == "synonym" and pair.two_objects == 0


def test_votes_alone_decide_nothing(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    names = [f"i{n:02d}" for n in range(EACH)]
    answers = [vote(name, label, who) for name in names for label in (3, 7) for who in ("ann", "bob")]
    put(workspace, "votes", answers)
    put_truth(workspace, [judged(name, (3, 7), [3, 7]) for name in names])
    pair = run(workspace)[(3, 7)]
    assert (pair.verdict, pair.source, pair.co_selected, pair.images) == ("undecided", "votes", EACH, 0)
    assert pair.confused is None and len(pair.models) == 0
    assert pair.alpha is None  # only one kind of answer was given


def test_agreement_of_people_on_the_pair(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    said = {"a": ("yy", "nn"), "b": ("yn", "yn"), "c": ("yy", "yy")}
    words = {"y": "yes", "n": "no"}
    votes = [
        vote(name, label, who, words[answer])
        for name, both in said.items()
        for label, answers in zip((3, 7), both, strict=True)
        for who, answer in zip(("ann", "bob"), answers, strict=True)
    ]
    votes += [vote("d", 3, who, "no") for who in ("ann", "bob")]  # nobody is asked about 7 there
    put(workspace, "votes", votes)
    put_truth(workspace, [judged("c", (3, 7), [3, 7])])
    # Two of six questions are disputed, 8 of 12 answers are yes: 1 - (2/6) / (2 * 8 * 4 / (12 * 11)).
    assert run(workspace)[(3, 7)].alpha == pytest.approx(1 - (2 / 6) / (2 * 8 * 4 / (12 * 11)))


def test_models_alone_find_pairs_that_nobody_judged(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    put(workspace, "images", [image("a", 1), image("b", 1), image("c", LONE)])
    put(workspace, "predictions/m", [prediction("a", [5]), prediction("b", [1]), prediction("c", [-1])])
    pairs = run(workspace)
    assert list(pairs) == [(1, 5)]
    row = pairs[(1, 5)]
    assert (row.source, row.verdict, row.n, row.images) == ("models", "undecided", 0, 2)
    assert row.low is None and row.alpha is None and row.confused == 0.5


def test_nothing_to_compare(workspace_url: str) -> None:
    workspace = Workspace(workspace_url)
    assert not todo(STEP, workspace, ClassPairSettings()).shards


def test_a_new_decision_makes_the_pairs_again(workspace: Workspace) -> None:
    run(workspace)
    assert not todo(STEP, workspace, ClassPairSettings()).missing
    put_truth(workspace, [judged(f"{TABBY}-00", (TABBY, TIGER_CAT), [TABBY, TIGER_CAT])])
    assert todo(STEP, workspace, ClassPairSettings()).missing
    assert run(workspace)[(TABBY, TIGER_CAT)].co_selected == 1
