"""One rule for which votes count: everybody who counts votes agrees, and follows the policy of the truth."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reground.annotations.review.status import _counted_ids
from reground.annotations.rounds import ReviewRound, ReviewSettings, plan_round
from reground.annotations.rounds.selection import select_pairs
from reground.annotations.truth import needs_vote
from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.evaluation import STEP as EVALUATE
from reground.tasks.evaluation import EvaluationSettings
from reground.tasks.evaluation.reference import reference_labels
from reground.tasks.export.data_card import data_card, vote_statistics
from reground.tasks.export.dataset import load
from reground.tasks.votes import DEFAULT_POLICY, GOLDEN_SET, VotePolicy, current_policy, excluded, truth_policy
from reground.tasks.workspace import Step, Workspace, finish, retire, run_shard, todo
from tests.support.people import directory
from tests.support.tables import annotator, candidate, class_row, image, prediction, put, vote

ORIGINAL, OTHER = 7, 3
SOURCES, PEOPLE, IMAGES = ("recorded", "simulated"), ("ann", "bob", "cy"), ("a", "b")


class Cast(NamedTuple):
    """A vote."""

    image_id: str
    label: int
    source: str
    name: str
    answer: str
    question: str


VOTES = st.lists(
    st.builds(
        Cast,
        st.sampled_from(IMAGES),
        st.sampled_from([ORIGINAL, OTHER]),
        st.sampled_from(SOURCES),
        st.sampled_from(PEOPLE),
        st.sampled_from(["no", "maybe", "yes"]),
        st.sampled_from(["contains", "classify"]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda cast: (cast.image_id, cast.label, cast.source, cast.name, cast.question),
)
POLICIES = st.builds(
    TruthSettings,
    min_annotators=st.just(1),
    ratio=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
    keep=st.sampled_from([0.3, 0.5, 0.8]),
    hold_out=st.sampled_from([(), SOURCES[:1], SOURCES[1:], SOURCES]),
    count_excluded=st.booleans(),
)


def run(workspace: Workspace, step: Step[Any], chosen: Any) -> int:
    """Make what is missing of a step; how many shards that were."""
    plan = todo(step, workspace, chosen)
    retire(step, workspace, plan)
    for shard in plan.missing:
        run_shard(step, workspace, chosen, shard)
    finish(step, workspace, plan)
    return len(plan.missing)


def world(folder: Path | str, casts: list[Cast], asleep: list[str], chosen: TruthSettings) -> Workspace:
    """A workspace with these votes, some annotators excluded, and its truth."""
    workspace = Workspace(folder)
    put(workspace, "classes", [class_row(ORIGINAL, "tench"), class_row(OTHER, "hook")])
    put(workspace, "images", [image(image_id, ORIGINAL) for image_id in IMAGES])
    put(workspace, "candidates", [candidate(i, label) for i in IMAGES for label in (ORIGINAL, OTHER)])
    put(workspace, "predictions/m", [prediction(i, [ORIGINAL, OTHER]) for i in IMAGES])
    put(
        workspace,
        "votes",
        [
            vote(
                cast.image_id,
                cast.label,
                cast.name,
                cast.answer,
                cast.question,
                source=cast.source,
                annotator_id=f"{cast.source}:{cast.name}",
                answer_id=f"{cast.source}:{cast.question}:{cast.name}:{cast.image_id}:{cast.label}",
            )
            for cast in casts
        ],
    )
    who = sorted({f"{cast.source}:{cast.name}" for cast in casts})
    put(workspace, "annotators", [annotator(name, excluded="asleep" if name in asleep else None) for name in who])
    run(workspace, truth.STEP, chosen)
    return workspace


def recount(casts: list[Cast], asleep: list[str], chosen: TruthSettings) -> pd.DataFrame:
    """The votes that count, by plain pandas."""
    frame = pd.DataFrame(casts, columns=list(Cast._fields))
    weight = frame["answer"].map({"no": 0.0, "maybe": 0.5, "yes": 1.0})
    frame = frame.assign(weight=weight, who=frame["source"] + ":" + frame["name"])
    counts = ~frame["source"].isin(chosen.hold_out)
    return frame[counts if chosen.count_excluded else counts & ~frame["who"].isin(asleep)]


@settings(max_examples=20)
@given(VOTES, st.lists(st.sampled_from([f"{s}:{p}" for s in SOURCES for p in PEOPLE]), unique=True), POLICIES)
def test_everybody_counts_as_plain_pandas_does(casts: list[Cast], asleep: list[str], chosen: TruthSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = world(folder, casts, asleep, chosen)
        counted = recount(casts, asleep, chosen)
        contains = counted[counted["question"] == "contains"].groupby(["image_id", "label"])["weight"].mean()

        # Truth, and what exports say of it.
        rows = workspace.read("truth").set_index("image_id")
        per_image = counted.groupby("image_id").size().reindex(list(IMAGES), fill_value=0)
        assert rows["votes"].to_dict() == per_image.to_dict()
        data = load(workspace)
        assert {row.image_id: row.votes for row in data} == per_image.to_dict()
        exported = sorted(zip(data.votes(["annotator_id"])["annotator_id"].to_pylist()))
        assert exported == sorted(zip(counted["who"]))

        # The selection frequency that models are evaluated on.
        reference = reference_labels(workspace)
        ids = [reference.image_ids[n] for n in reference.frequency.image]
        found = dict(zip(zip(ids, reference.frequency.class_idx.tolist(), strict=True), reference.frequency.value))
        assert found == pytest.approx(contains.to_dict())

        # The data card's agreement.
        stats = {
            (statistics.source, statistics.question): (statistics.votes, statistics.pairs)
            for statistics in vote_statistics(data.votes(CARD_COLUMNS))
        }
        groups = counted.groupby(["source", "question"])
        pairs = {key: (len(group), len(group[["image_id", "label"]].drop_duplicates())) for key, group in groups}
        assert stats == pairs

        # What to ask next.
        run(workspace, needs_vote.STEP, needs_vote.NeedsVoteSettings())
        votes = workspace.read("needs_vote").set_index(["image_id", "class_idx"])["votes"].to_dict()
        assert {k: n for k, n in votes.items() if n} == counted.groupby(["image_id", "label"]).size().to_dict()

        # What CLASSIFY asks about where CONTAINS found several labels.
        policy = truth_policy(workspace)
        selected = select_pairs(workspace, "classify", 1, "several", 0, policy)
        asked_about = set(selected.itertuples(index=False, name=None))
        for image_id in IMAGES:
            base = contains.get((image_id, ORIGINAL), np.nan)
            other = contains.get((image_id, OTHER), 0.0)
            several = base > 0 and (image_id, OTHER) in contains and other >= chosen.ratio * base
            assert ((image_id, OTHER) in asked_about) == (several and other > 0)

        # What the status of a review compares.
        rows_of_votes = workspace.read("votes").to_dict("records")
        ids_counted = _counted_ids(rows_of_votes, policy, excluded(workspace, policy))  # type: ignore[arg-type]
        assert len(ids_counted) == len(counted)


CARD_COLUMNS = ("source", "question", "image_id", "class_idx", "annotator_id", "answer")
HELD = [Cast("a", ORIGINAL, "crew", who, "yes", "contains") for who in PEOPLE]
HELD += [Cast("a", ORIGINAL, "pilot", who, "no", "contains") for who in PEOPLE]


def frequency(workspace: Workspace) -> tuple[float, str]:
    """Value and sources of the selection frequency in ``evaluation``."""
    table = workspace.read("evaluation").set_index(["metric", "subset"])
    row = table.loc[("selection_frequency", "all")]
    return row["value"], row["sources"]


def test_votes_that_are_held_out_count_nowhere(tmp_path: Path) -> None:
    workspace = world(tmp_path, HELD, [], TruthSettings(min_annotators=1, hold_out=("pilot",)))
    run(workspace, EVALUATE, EvaluationSettings())
    assert frequency(workspace) == (1.0, "crew")
    assert "votes of held-out sources do not count: pilot\n" in (card := data_card(load(workspace), "real"))
    assert "- not counted: 3 votes from pilot, held out\n" in card


def test_numbers_follow_the_truth_that_is_there_whatever_settings_say_by_now(tmp_path: Path) -> None:
    workspace = world(tmp_path, HELD, [], TruthSettings(min_annotators=1, hold_out=("pilot",)))
    run(workspace, EVALUATE, EvaluationSettings())
    assert run(workspace, EVALUATE, EvaluationSettings()) == 0
    stored = VotePolicy(frozenset({"pilot"}))
    assert current_policy(workspace, VotePolicy(frozenset(), keep=0.9)) == stored
    run(workspace, truth.STEP, TruthSettings(min_annotators=1, hold_out=("crew",)))
    assert run(workspace, EVALUATE, EvaluationSettings()) == 1  # another policy: judged again
    assert frequency(workspace) == (0.0, "pilot")


def test_another_policy_remakes_what_depends_on_it_though_the_truth_is_the_same(tmp_path: Path) -> None:
    """Keeping from 0.6 on instead of 0.5 changes no row, and yet what a vote of three says of all people."""
    workspace = world(tmp_path, HELD, [], TruthSettings(min_annotators=1, hold_out=("pilot",)))
    run(workspace, EVALUATE, EvaluationSettings())
    run(workspace, needs_vote.STEP, needs_vote.NeedsVoteSettings())
    version, before = workspace.table_digest("truth"), workspace.read("evaluation")
    run(workspace, truth.STEP, TruthSettings(min_annotators=1, hold_out=("pilot",), keep=0.6))
    assert workspace.table_digest("truth") == version
    assert run(workspace, EVALUATE, EvaluationSettings()) == 1
    assert run(workspace, needs_vote.STEP, needs_vote.NeedsVoteSettings()) == 1
    assert not workspace.read("evaluation").equals(before)


def test_the_ratio_of_the_truth_is_the_one_that_classify_goes_by(tmp_path: Path) -> None:
    casts = [Cast("a", ORIGINAL, "crew", who, "yes", "contains") for who in PEOPLE]
    casts += [Cast("a", OTHER, "crew", who, "yes" if who == "ann" else "no", "contains") for who in PEOPLE]
    asked_about = {}
    for ratio in (0.2, 0.5):
        workspace = world(tmp_path / str(ratio), casts, [], TruthSettings(min_annotators=1, ratio=ratio))
        pairs = select_pairs(workspace, "classify", 1, "", 0, truth_policy(workspace))
        asked_about[ratio] = set(pairs.itertuples(index=False, name=None))
    assert asked_about == {0.2: {("a", ORIGINAL), ("a", OTHER)}, 0.5: set()}


def test_who_is_excluded_is_asked_again_only_where_their_votes_count(tmp_path: Path) -> None:
    emails = ("ann@lab", "bob@lab")
    users = directory(dict(enumerate(emails, 1))).rows
    casts = [Cast("a", ORIGINAL, "label-studio", str(user_id), "yes", "contains") for user_id in users]
    workspace = world(tmp_path, casts, ["label-studio:1"], TruthSettings(min_annotators=1))
    put(workspace, "users", list(users.values()))
    people = ReviewSettings(annotators=emails, overlap=1, min_grid=1)
    for policy, expected in ((DEFAULT_POLICY, {"bob@lab"}), (VotePolicy(count_excluded=True), set(emails))):
        plan = plan_round(ReviewRound(workspace, "contains", 2, 1), people, policy)
        assert {question.annotator for question in plan.questions} == expected


def test_a_source_without_votes_cannot_be_held_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"truth\.hold_out.*'pilott'.*pilot"):
        world(tmp_path, HELD, [], TruthSettings(hold_out=("pilott",)))


def test_nor_can_one_that_nobody_knows_before_there_are_votes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "images", [image("a", ORIGINAL)])
    with pytest.raises(UsageError, match=r"truth\.hold_out.*'simulatd': did you mean 'simulated'"):
        todo(truth.STEP, workspace, TruthSettings(hold_out=("simulatd",)))
    assert todo(truth.STEP, workspace, TruthSettings(hold_out=("simulated",))).missing


def test_none_holds_out_nothing(tmp_path: Path) -> None:
    assert TruthSettings(hold_out=("none",)).policy == TruthSettings(hold_out=()).policy
    assert not TruthSettings(hold_out=("none",)).policy.held_out_sources
    with pytest.raises(UsageError, match=r"truth\.hold_out: expected sources, or `none` alone, got it beside pilot"):
        todo(truth.STEP, Workspace(tmp_path / "w"), TruthSettings(hold_out=("none", "pilot")))


def test_an_empty_text_takes_the_setting_back_and_none_holds_out_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "images", [image("a", ORIGINAL)])
    held_out = {"none": [], "": sorted(GOLDEN_SET), "simulated": ["simulated"]}
    for word, sources in held_out.items():
        assert main(["truth", "-w", workspace.url, "--hold-out", word]) == 0
        assert workspace.read_arrow("vote_policy")["held_out_sources"].to_pylist() == [sources]


def test_what_to_ask_next_needs_a_truth_that_says_which_votes_count(tmp_path: Path) -> None:
    workspace = world(tmp_path, HELD, [], TruthSettings())
    workspace.retire("truth", ())
    with pytest.raises(RegroundError, match="run `reground truth"):
        todo(needs_vote.STEP, workspace, needs_vote.NeedsVoteSettings())


def test_the_policy_given_once_holds_for_the_commands_to_come(tmp_path: Path) -> None:
    url, image_id = str(tmp_path / "w"), "ILSVRC2012_val_00000001"
    for source, answer in (("crew", "yes"), ("pilot", "no")):
        lines = [f"{image_id},8,{source[0]}{n},{answer},contains" for n in range(5)]
        (tmp_path / f"{source}.csv").write_text("\n".join(["image_id,label,annotator,answer,question", *lines]))
        assert main(["votes", "import", "-w", url, "--format", "csv", str(tmp_path / f"{source}.csv")]) == 0
    (tmp_path / "m.csv").write_text(f"image_id,class_idx\n{image_id},8\n")
    assert main(["predict", "import", "--model", "m", str(tmp_path / "m.csv"), "-w", url]) == 0
    assert main(["truth", "-w", url, "--hold-out", "pilot"]) == 0
    for command in ("evaluate", "truth", "evaluate"):
        assert main([command, "-w", url]) == 0
        assert frequency(Workspace(url)) == (1.0, "crew")
