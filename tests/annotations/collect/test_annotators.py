"""How well people answer, and by which rule their votes do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reground.annotations.collect.exclusion import exclusion_reason
from reground.annotations.collect.parse import TaskRows, parse_annotations
from reground.annotations.collect.straightlining import straightlining_patterns
from reground.annotations.collect.votes import update_annotators
from reground.annotations.rounds import ExclusionRule, Question, Task, classify_result, contains_result
from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.votes import DEFAULT_POLICY, annotator_rows, excluded
from reground.tasks.workspace import Output, Workspace, run_shard
from tests.support.people import directory
from tests.support.questions import sent
from tests.support.tables import class_row, image, put, vote

PEOPLE = directory({1: "ann@lab", 2: "bob@lab", 3: "cay@lab", 4: "bot@lab"})
NEVER = ExclusionRule(0, 0, 0, 0, 0, 0)
GRID = sent(Question("contains:1:7:0", tuple(ImageId(name) for name in "abcd"), (ClassIdx(7),)))


def given(result: Sequence[Mapping[str, Any]], person: int, number: int, minute: int = 0, seconds: float = 9.0) -> Any:
    return {
        "id": number,
        "completed_by": person,
        "updated_by": person,
        "result": result,
        "was_cancelled": False,
        "created_at": f"2026-01-01T10:{minute:02d}:00Z",
        "updated_at": f"2026-01-01T10:{minute:02d}:00Z",
        "lead_time": seconds,
    }


def ticks(*names: str, question: Question = GRID) -> list[dict[str, Any]]:
    return contains_result(question, [ImageId(name) for name in names])


# What counts


def test_of_more_people_than_were_asked_the_first_count() -> None:
    task = Task("contains", 1, GRID, 5, 50, overlap=2)
    answers = [given(ticks("a"), 3, 1, 5), given(ticks("a"), 1, 2, 3), given(ticks("b"), 2, 3, 4)]
    for order in (answers, answers[::-1]):
        made = parse_annotations(task, order, PEOPLE)
        assert {v["annotator_id"] for v in made.votes} == {"label-studio:1", "label-studio:2"}
        (dropped,) = made.dropped
        assert dropped["reason"] == "answer_surplus" and "cay@lab was number 3, the overlap is 2" in dropped["detail"]


def test_an_answer_that_cannot_count_takes_nobodys_place() -> None:
    task = Task("contains", 1, GRID, 5, 50, overlap=1)
    unknown = [{**ticks("a")[0], "value": {"choices": ["nobody"]}}]
    made = parse_annotations(task, [given(unknown, 1, 1, 1), given(ticks("a"), 2, 2, 2)], PEOPLE)
    assert {v["annotator_id"] for v in made.votes} == {"label-studio:2"}
    assert [d["reason"] for d in made.dropped] == ["answer_invalid"]


def test_changing_ones_mind_costs_no_place() -> None:
    task = Task("contains", 1, GRID, 5, 50, overlap=1)
    answers = [given(ticks("a"), 1, 1, 1), given(ticks("b"), 2, 2, 2), given(ticks("c"), 1, 3, 9)]
    made = parse_annotations(task, answers, PEOPLE)
    assert [v["image_id"] for v in made.votes if v["answer"] == "yes"] == ["c"]
    assert sorted(d["reason"] for d in made.dropped) == ["answer_superseded", "answer_surplus"]


def test_an_answer_by_somebody_else_than_was_asked_is_set_aside() -> None:
    own = replace(GRID, key=f"{GRID.key} to ann@lab", annotator="ann@lab")
    task = Task("contains", 1, own, 5, 50, overlap=1)
    made = parse_annotations(task, [given(ticks("a"), 2, 1, 1), given(ticks("b"), 1, 2, 2)], PEOPLE)
    assert {v["annotator_id"] for v in made.votes} == {"label-studio:1"}
    (dropped,) = made.dropped
    assert dropped["reason"] == "answer_uninvited" and "assigned to ann@lab, answered by bob@lab" in dropped["detail"]


def test_control_images_tell_of_the_annotator_and_are_no_votes() -> None:
    task = Task("contains", 1, GRID, 5, 50, overlap=2)
    known = {ImageId("b"): "yes", ImageId("c"): "no"}
    made = parse_annotations(task, [given(ticks("a", "c"), 1, 1)], PEOPLE, known)
    assert [(v["image_id"], v["answer"]) for v in made.votes] == [("a", "yes"), ("d", "no")]
    told = [(row["image_id"], row["answer"], row["expected"]) for row in made.control_answers]
    assert told == [("b", "no", "yes"), ("c", "yes", "no")]
    (submission,) = made.submissions
    assert (submission["ticked"], submission["options"]) == ([0, 2], 4)


# How well


def store(folder: Path, made: Sequence[TaskRows]) -> Workspace:
    """A workspace that has collected these."""
    workspace = Workspace(folder / "w")
    put(workspace, "images", [image(f"i{n:03d}", n % 4) for n in range(40)])
    put(workspace, "classes", [class_row(n) for n in range(4)])
    tables = ("votes", "control_answers", "submissions", "dropped")
    rows = {name: [row for one in made for row in getattr(one, name)] for name in tables}
    workspace.commit("collect", "0", "0", Output(rows))
    return workspace


def crowd(seconds: float = 12.0) -> list[TaskRows]:
    """40 CLASSIFY questions in varied order: three people answer rightly, the fourth ticks the first label at once."""
    made: list[TaskRows] = []
    for n in range(40):
        right, wrong = ClassIdx(n % 4), ClassIdx((n + 1) % 4)
        shown = tuple(ClassIdx((n * 7 // 3 + place) % 4) for place in range(4))
        task = Task("classify", 1, Question(f"classify:1:i{n:03d}", (ImageId(f"i{n:03d}"),), shown), 5, n)
        valid = [right] if n % 5 else [right, wrong]
        answers = [
            given(classify_result(valid, right, "1"), person, 10 * n + person, seconds=seconds + n % 3)
            for person in (1, 2, 3)
        ]
        answers.append(given(classify_result([shown[0]], shown[0], "1"), 4, 10 * n + 4, seconds=1.0))
        made.append(parse_annotations(task, answers, PEOPLE))
    return made


def people(workspace: Workspace, rule: ExclusionRule) -> dict[str, Any]:
    update_annotators(workspace, rule)
    table = workspace.read("annotators")
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {str(row["annotator_id"]): row for row in rows}


def test_one_who_answers_the_same_in_a_second_is_excluded_for_both_and_truth_leaves_them_out(tmp_path: Path) -> None:
    workspace = store(tmp_path, crowd())
    table = people(workspace, ExclusionRule())
    bot = table.pop("label-studio:4")
    assert "takes 1.0 s for a task (median of 40), at least 1.5 required" in bot["excluded"]
    assert "ticks the same positions (1) in all 40 tasks of classify: by chance once in" in bot["excluded"]
    assert bot["fast_share"] == 1.0 and bot["tasks"] == 40
    assert all(row["excluded"] is None and row["agreement"] == 1.0 for row in table.values())

    def votes_behind(settings: TruthSettings) -> int:
        for shard in truth.plan(workspace, settings):
            run_shard(truth.STEP, workspace, settings, shard)
        return int(workspace.read("truth")["votes"].sum())

    assert votes_behind(TruthSettings()) == 3 * 160 and len(workspace.read("votes")) == 4 * 160
    assert votes_behind(TruthSettings(count_excluded=True)) == 4 * 160
    before = truth.STEP.key(TruthSettings(), truth.plan(workspace, TruthSettings())[0])
    assert people(workspace, NEVER)["label-studio:4"]["excluded"] is None  # a changed rule takes people back in
    assert excluded(workspace, DEFAULT_POLICY) == [] and votes_behind(TruthSettings()) == 4 * 160
    assert truth.STEP.key(TruthSettings(), truth.plan(workspace, TruthSettings())[0]) != before


def test_answers_on_gold_and_on_controls_make_the_accuracy(tmp_path: Path) -> None:
    grid = sent(Question("contains:1:0:0", tuple(ImageId(f"i{n:03d}") for n in range(30)), (ClassIdx(0),)))
    task = Task("contains", 1, grid, 5, 1)
    known = {ImageId(f"i{n:03d}"): "yes" if n % 2 else "no" for n in range(10, 30)}
    right = [f"i{n:03d}" for n in range(11, 30, 2)]
    workspace = store(
        tmp_path,
        [
            parse_annotations(
                task,
                [given(ticks("i000", *right, question=grid), 1, 1), given(ticks("i001", question=grid), 2, 2)],
                PEOPLE,
                known,
            )
        ],
    )
    put(workspace, "gold", [{"image_id": "i000", "class_idx": 0, "answer": "yes", "source": "known"}])
    table = people(workspace, ExclusionRule())
    ann, bob = table["label-studio:1"], table["label-studio:2"]
    assert (ann["gold_correct"], ann["gold_n"], ann["gold_accuracy"]) == (21, 21, 1.0)
    assert (bob["gold_correct"], bob["gold_n"]) == (10, 21)
    assert bob["gold_low"] < 10 / 21 < bob["gold_high"] < 0.7
    assert ann["excluded"] is None and bob["excluded"].startswith(
        "10 of 21 known answers correct: accuracy at most 0.6"
    )
    assert people(workspace, ExclusionRule(min_gold_accuracy=0.5))["label-studio:2"]["excluded"] is None


def test_bounds_say_what_they_ask_for_and_zero_asks_nothing() -> None:
    person = {
        "gold_high": 0.4, "gold_correct": 1, "gold_n": 9, "agreement": 0.2, "agreement_n": 100,
        "seconds_per_task": 1.0, "tasks": 5,
    }  # fmt: skip
    said = exclusion_reason(person, {"says no to all 90 labels": 1e-9}, ExclusionRule())
    assert said is not None and said.count(";") == 3 and "at least 0.7 required" in said and "once in 1e+09" in said
    assert exclusion_reason(person, {"says no to all 90 labels": 1e-9}, NEVER) is None
    few = {**person, "agreement_n": 99, "tasks": 4, "gold_high": None}
    assert exclusion_reason(few, {"says no to all 9 labels": 1e-3}, ExclusionRule()) is None
    assert exclusion_reason({**few, "agreement": None, "seconds_per_task": None}, {}, ExclusionRule()) is None


# The same everywhere


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


NO_SUBMISSIONS = pd.DataFrame(columns=["annotator_id", "question", "ticked", "options"])


def test_no_to_everything_is_likely_where_others_say_no_too() -> None:
    rows = [vote(f"i{n}", 7, who, "no", "contains") for n in range(200) for who in ("ann", "bob", "cay")]
    assert all(
        chance > 1e-2
        for said in straightlining_patterns(frame(rows), NO_SUBMISSIONS).values()
        for chance in said.values()
    )
    rows = [
        vote(f"i{n}", 7, who, "no" if who == "cay" or n % 2 else "yes", "contains")
        for n in range(200)
        for who in ("ann", "bob", "cay")
    ]
    (said,) = straightlining_patterns(frame(rows), NO_SUBMISSIONS).values()  # ann and bob say both
    ((what, chance),) = said.items()
    assert what == "answers no to all 200 labels of contains" and chance < 1e-20


def test_the_same_places_are_unlikely_as_options_stand_in_drawn_order() -> None:
    def screens(places: Sequence[Sequence[int]], options: int) -> pd.DataFrame:
        rows = [{"annotator_id": "a", "question": "classify", "ticked": list(p), "options": options} for p in places]
        return pd.DataFrame(rows)

    none = frame([vote("i", 7, "z", "yes"), vote("j", 7, "z", "no")])
    assert straightlining_patterns(none, screens([[0]] * 4, 5))["a"] == {
        "ticks the same positions (1) in all 4 tasks of classify": pytest.approx(1 / 125)
    }
    assert "a" not in straightlining_patterns(none, screens([[0], [0], [1]], 5))
    assert "a" not in straightlining_patterns(none, screens([[]] * 9, 5))  # nothing ticked: the answers themselves tell
    everything = straightlining_patterns(none, screens([[0, 1]] * 9, 2))["a"]
    assert list(everything.values()) == [1.0]  # ticking all there is has but one place


def world(seed: int) -> list[TaskRows]:
    """A round of CONTAINS grids, some with controls, and of CLASSIFY, answered by honest people and by four others.

    The honest are right on 88 % of pairs where the label holds and on 97 % of the rest, at 6 s and more.
    """
    rng = np.random.default_rng(seed)
    holds = {(n, label): rng.random() < (0.8 if label == n % 4 else 0.1) for n in range(160) for label in range(4)}
    made: list[TaskRows] = []
    for number in range(60):
        images = rng.permutation(160)[:24].tolist()
        label = number % 4
        shown = tuple(ImageId(f"i{n:03d}") for n in images)
        question = sent(Question(f"contains:1:{label}:{number}", shown, (ClassIdx(label),)))
        task = Task("contains", 1, question, 5, number)
        known = {ImageId(f"i{n:03d}"): "yes" if holds[n, label] else "no" for n in images[:4]}
        ticked = [[n for n in images if sees(rng, holds[n, label])] for _ in range(4)]
        ticked += [[], images, images[:1], [n for n in images if rng.random() < 0.3]]
        results = [ticks(*(f"i{n:03d}" for n in t), question=question) for t in ticked]
        made.append(parse_annotations(task, [_by(p, number, r) for p, r in enumerate(results)], WORLD, known))
    for n in range(160):
        shown = tuple(ClassIdx(label) for label in rng.permutation(4).tolist())
        task = Task("classify", 1, Question(f"classify:1:i{n:03d}", (ImageId(f"i{n:03d}"),), shown), 5, 1000 + n)
        chosen = [[label for label in shown if sees(rng, holds[n, label])] for _ in range(4)]
        chosen += [[], list(shown), list(shown[:1]), [label for label in shown if rng.random() < 0.5]]
        answers = [classify_result(valid, valid[0] if valid else None, "1") for valid in chosen]
        made.append(parse_annotations(task, [_by(p, 100 + n, result) for p, result in enumerate(answers)], WORLD))
    return made


NAMES = ("h1", "h2", "h3", "h4", "never", "always", "first", "guesses")
WORLD = directory(dict(enumerate(NAMES, 1)))


def sees(rng: np.random.Generator, holds: bool) -> bool:
    return bool(rng.random() < (0.88 if holds else 0.03))


def _by(person: int, task: int, result: Sequence[Mapping[str, Any]]) -> Any:
    return given(result, person + 1, 10 * task + person, seconds=6.0 + person)


@pytest.mark.parametrize("seed", range(3))
def test_honest_people_stay_and_those_who_do_not_look_go(tmp_path: Path, seed: int) -> None:
    table = people(store(tmp_path, world(seed)), ExclusionRule())
    why = {NAMES[int(name.partition(":")[2]) - 1]: row["excluded"] for name, row in table.items()}
    assert {name for name, reason in why.items() if reason is None} == {"h1", "h2", "h3", "h4"}, why
    assert "answers no to all" in why["never"] and "answers yes to all" in why["always"]
    assert "ticks the same positions (1)" in why["first"] and "known answers correct" in why["guesses"]


def test_published_annotators_are_never_excluded() -> None:
    rows = [vote(f"i{n}", 7, "ann", "no", seconds=0.1) for n in range(50)]
    (row,) = annotator_rows(frame(rows))
    assert row["excluded"] is None and row["gold_n"] == 0 and row["gold_accuracy"] is None
