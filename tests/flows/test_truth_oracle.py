"""Truth, exports, report and evaluation of small random workspaces equal a recount of their tables in plain Python."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reground.annotations.truth import TruthSettings
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError
from reground.tasks.evaluation import STEP as EVALUATE
from reground.tasks.evaluation import EvaluationSettings
from reground.tasks.export import export
from reground.tasks.export.export import LABELS, PICTURES
from reground.tasks.images import load_classes
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import ReportSettings, photographs
from reground.tasks.votes import GOLDEN_SET, describe_states
from reground.tasks.workspace import Workspace, run_shard
from tests.support.export_readers import READERS, read_originals, states
from tests.support.export_world import image_row, left_out, make_truth
from tests.support.tables import annotator, decision, prediction, put, vote
from tests.support.truth_oracle import Tables, Verdict, verdicts
from tests.support.vote_files import write_csv

IDS = ("a", "b", "c")
CLASSES = (0, 1, 2)
EXPERTS = GOLDEN_SET[1]
SOURCES = ("label-studio", "recorded", "crew", EXPERTS)
PEOPLE = ("ann", "bob", "cy")
EMPTY, UNKNOWN = "settled: no label holds", "not settled, and its original label is not known"
OTHER_STATES = {"in_review": "in review: not decided yet", "unreviewed": "unreviewed: nobody was asked"}

PAIRS = st.tuples(st.sampled_from(IDS), st.sampled_from(CLASSES))
SUBMISSIONS = st.dictionaries(
    st.tuples(st.sampled_from(IDS), st.sampled_from(SOURCES), st.sampled_from(PEOPLE)),
    st.dictionaries(st.sampled_from(CLASSES), st.booleans(), min_size=1).flatmap(
        lambda valid: st.tuples(st.just(valid), st.sampled_from([None, *(n for n, yes in valid.items() if yes)]))
    ),
    max_size=30,
)
"""(image, source, person) -> validity of each label shown, and the main label."""
SINGLE = st.dictionaries(
    st.tuples(PAIRS, st.sampled_from(SOURCES), st.sampled_from(PEOPLE), st.sampled_from(["contains", "rate"])),
    st.sampled_from(["yes", "no", "maybe"]),
    max_size=20,
)
POLICIES = st.builds(
    TruthSettings,
    min_annotators=st.integers(1, 3),
    ratio=st.sampled_from([0.3, 0.5, 0.6, 0.7, 1.0]),
    keep=st.sampled_from([0.2, 0.5, 0.6, 0.8]),
    hold_out=st.sampled_from([GOLDEN_SET, ("none",), ("recorded", "label-studio")]),
    count_excluded=st.booleans(),
    count_gold=st.booleans(),
)


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    votes = [
        _vote(image_id, label, source, who, "yes" if valid else "no", "classify", main == label, sum(answer.values()))
        for (image_id, source, who), (answer, main) in draw(SUBMISSIONS).items()
        for label, valid in answer.items()
    ]
    votes += [_vote(*pair, source, who, said, kind) for (pair, source, who, kind), said in draw(SINGLE).items()]
    indexed = draw(st.dictionaries(st.sampled_from(IDS), st.sampled_from(CLASSES), min_size=1))
    external = draw(st.dictionaries(st.sampled_from(IDS), st.sampled_from([*CLASSES, None])))
    excluded = draw(st.sets(st.tuples(st.sampled_from(SOURCES), st.sampled_from(PEOPLE)), max_size=3))
    decided = draw(st.dictionaries(PAIRS, st.sampled_from(["yes", "no"]), max_size=4))
    return Tables(
        images=[photograph(image_id, label) for image_id, label in indexed.items()],
        original_labels=[
            {"image_id": image_id, "class_idx": label, "routing": None, "source": "set"}
            for image_id, label in external.items()
        ],
        votes=votes,
        gold=[
            {"image_id": image_id, "class_idx": label, "answer": "yes", "source": "gold"}
            for image_id, label in draw(st.sets(PAIRS, max_size=3))
        ],
        annotators=[annotator(f"{source}:{who}", excluded="gold accuracy") for source, who in excluded],
        decisions=[decision(*pair, answer) for pair, answer in decided.items()],
    )


def _vote(
    image_id: str, label: int, source: str, who: str, answer: str, question: str, main: bool = False, objects: int = 0
) -> dict[str, Any]:
    more = {"source": source, "annotator_id": f"{source}:{who}", "answer_id": f"{source}:{question}:{who}:{image_id}"}
    return vote(image_id, label, who, answer, question, main=main, num_objects=objects or None, **more)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@cache
def _photograph(image_id: str) -> dict[str, Any]:
    return image_row(Path(_folder().name), image_id, 0, IDS.index(image_id)) | {"boxes": []}


def photograph(image_id: str, label: int) -> dict[str, Any]:
    return _photograph(image_id) | {"class_idx": label}


def build(folder: str, content: Tables, policy: TruthSettings) -> Workspace:
    workspace = Workspace(folder)
    put(workspace, "classes", load_classes())
    for name in ("images", "original_labels", "votes", "gold", "annotators", "decisions"):
        put(workspace, name, list(getattr(content, name)))
    put(workspace, "predictions/m", [prediction(image_id, [0, 1, 2]) for image_id in IDS])
    make_truth(workspace, policy)
    return workspace


def counts(truth: Mapping[str, Verdict]) -> dict[str, int]:
    names = ("settled", "in_review", "unreviewed", "confirmed", "changed", "extended", "empty", "labelled")
    tally = Counter(verdict.state for verdict in truth.values())
    tally += Counter(str(verdict.outcome) for verdict in truth.values() if verdict.outcome)
    return {name: tally[name] for name in names}


def only_label(verdict: Verdict) -> int:
    return (
        next(iter(verdict.main)) if len(verdict.main) == 1 and verdict.main <= {*verdict.labels} else verdict.labels[0]
    )


def right_content(
    truth: Mapping[str, Verdict], photographs_of: set[str] | None, only: str
) -> tuple[dict[str, Verdict], dict[str, str]]:
    """The images that an export holds, and the reason of each other one."""
    reasons = {}
    for image_id, verdict in truth.items():
        if only and verdict.state != only:
            reasons[image_id] = OTHER_STATES[verdict.state]
        elif not verdict.labels:
            reasons[image_id] = EMPTY if verdict.state == "settled" else UNKNOWN
        elif photographs_of is not None and image_id not in photographs_of:
            reasons[image_id] = "no photograph at hand"
    return {image_id: verdict for image_id, verdict in truth.items() if image_id not in reasons}, reasons


FORMATS = sorted({*LABELS, *PICTURES} - {"imagenet-multilabel"})
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@FEW
@given(tables(), POLICIES)
def test_table_truth_evaluation_and_report(content: Tables, policy: TruthSettings) -> None:
    right = verdicts(content, policy)
    with tempfile.TemporaryDirectory() as folder:
        workspace = build(folder, content, policy)
        rows = {row["image_id"]: row for row in workspace.read_arrow("truth").to_pylist()}
        assert {
            image_id: (row["original"], row["state"], row["outcome"], row["labels"]) for image_id, row in rows.items()
        } == {
            image_id: (one.original, one.state, one.outcome, one.labels if one.state == "settled" else None)
            for image_id, one in right.items()
        }
        settings_ = EvaluationSettings()
        for shard in EVALUATE.plan(workspace, settings_):
            run_shard(EVALUATE, workspace, settings_, shard)
        table = workspace.read("evaluation")
        metrics = {
            (row["metric"], row["subset"]): (row["n"], round(row["value"] * row["n"]))
            for row in table[table["set"] == "photographs"].to_dict("records")
            if row["n"]
        }
        check_metrics(metrics, right)
        stages = photographs(Snapshot(workspace), ReportSettings())["stages"]
        settled = counts(right)
        assert stages == {name: settled[name] for name in stages} and sum(stages.values()) == len(right)


def check_metrics(metrics: Mapping[tuple[str, str], tuple[int, int]], truth: Mapping[str, Verdict]) -> None:
    """The model says class 0 of every image, then 1 and 2."""
    known = [one for one in truth.values() if one.original is not None]
    settled = [one for one in truth.values() if one.state == "settled" and one.labels]
    with_label = settled + [one for one in known if one.state == "unreviewed"]
    right = {("top1_original", "all"): (len(known), sum(one.original == 0 for one in known))}
    if settled:
        right["real_accuracy", "all"] = (len(with_label), sum(0 in one.labels for one in with_label))
        right["multi_label", "reviewed"] = (len(settled), sum(0 in one.labels for one in settled))
        known_settled = [one for one in settled if one.original is not None]
        right["top1_original", "reviewed"] = (len(known_settled), sum(one.original == 0 for one in known_settled))
        main = [one for one in settled if one.main]
        total, hits = metrics.get(("main_label", "reviewed"), (0, 0))
        assert total == len(main)
        assert sum(one.main == {0} for one in main) <= hits <= sum(0 in one.main for one in main)  # a tie: either
    names = {"top1_original", "real_accuracy", "multi_label"}
    overall = {key: value for key, value in metrics.items() if key[0] in names and key[1] in ("all", "reviewed")}
    assert overall == {key: value for key, value in right.items() if value[0]}


@FEW
@given(
    tables(),
    POLICIES,
    st.sampled_from(["", "settled"]),
    st.sampled_from(FORMATS),
)
def test_exports(content: Tables, policy: TruthSettings, only: str, to_format: str) -> None:
    truth = verdicts(content, policy)
    at_hand = {row["image_id"] for row in content.images} if to_format in PICTURES else None
    right, reasons = right_content(truth, at_hand, only)
    with tempfile.TemporaryDirectory() as folder:
        workspace, out = build(f"{folder}/w", content, policy), Path(folder) / "out"
        if not right:
            with pytest.raises(RegroundError, match="but all are left out"):
                export(workspace, to_format, out, only)
            return
        written = export(workspace, to_format, out, only)
        expected = {image_id: (one.state, one.outcome, one.labels) for image_id, one in right.items()}
        assert states(out) == expected
        assert read_originals(out) == {image_id: one.original for image_id, one in right.items()}
        if to_format == "imagefolder":
            expected = {image_id: (one.state, one.outcome, [only_label(one)]) for image_id, one in right.items()}
        assert READERS[to_format](out) == expected
        assert left_out(out) == reasons
        assert {name: written.states[name] for name in counts(truth)} == counts(truth)
        card = (out / "DATA_CARD.md").read_text()
        assert f"- images in the truth: {len(truth)}; {describe_states(counts(truth))}\n" in card
        assert f"- images in this export: {len(right)}; {describe_states(counts(right))}\n" in card


def recount(workspace: Workspace, policy: TruthSettings) -> dict[str, Verdict]:
    """What a workspace's own tables say."""
    names = ("images", "original_labels", "votes", "gold", "annotators", "decisions")
    return verdicts(Tables(**{name: workspace.read_arrow(name).to_pylist() for name in names}), policy)


def test_votes_gold_and_sources_that_come_and_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path / "w")
    put(workspace, "classes", load_classes())
    put(workspace, "images", [photograph(image_id, 0) for image_id in IDS])
    both = [f"{i},{label},{who},{answer}" for i in IDS for label, answer in ((0, "no"), (1, "yes")) for who in PEOPLE]
    crew = write_csv(tmp_path, *both, name="crew.csv")
    pilot = write_csv(tmp_path, *(line.replace("no", "yes") for line in both), name="pilot.csv")
    fewer = write_csv(tmp_path / "fewer", *both[:6], name="crew.csv")
    gold = write_csv(tmp_path, "a,0,yes", "b,1,no", head="image_id,class,answer", name="gold.csv")
    three, without_pilot = TruthSettings(min_annotators=3), TruthSettings(min_annotators=3, hold_out=("pilot",))
    commands = [
        (["votes", "import", str(crew)], three, {"changed": 3}),
        (["votes", "import", str(pilot)], three, {"in_review": 3}),  # three of six say yes to class 0
        (["gold", "import", str(gold)], three, {"in_review": 3}),  # contradicts votes of others, which stay
        (["status"], without_pilot, {"changed": 3}),
        (["votes", "remove", "--source", "pilot"], TruthSettings(min_annotators=3, hold_out=("none",)), {"changed": 3}),
        (["votes", "import", str(fewer), "--replace"], three, {"changed": 1, "unreviewed": 2}),
        (["votes", "remove", "--source", "crew"], three, {"unreviewed": 3}),
    ]
    for number, (words, policy, right) in enumerate(commands):
        assert main([*words, "-w", workspace.url]) == 0
        make_truth(workspace, policy)
        truth = recount(workspace, policy)
        assert {name: count for name, count in counts(truth).items() if count and name != "settled"} == right
        capsys.readouterr()
        assert main(["status", "-w", workspace.url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["states"] == counts(truth)
        assert main(["status", "-w", workspace.url]) == 0
        assert f"images: {describe_states(counts(truth))}\n" in capsys.readouterr().out
        out = export(workspace, "parquet", tmp_path / str(number)).folder
        expected = {image_id: (one.state, one.outcome, one.labels) for image_id, one in truth.items()}
        assert READERS["parquet"](out) == states(out) == expected
