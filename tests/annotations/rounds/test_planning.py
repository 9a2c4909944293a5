"""What a round asks, of whom: every way of asking, controls, hidden gold, and shares of the work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.rounds import (
    Question,
    ReviewRound,
    ReviewSettings,
    RoundPlan,
    Task,
    delete_unused_controls,
    plan_round,
    read_controls,
    read_gold,
    read_tasks,
)
from reground.annotations.rounds import import_gold as import_file
from reground.annotations.rounds.assignment import assign
from reground.annotations.rounds.controls import write_controls
from reground.annotations.rounds.examples import example_pool
from reground.annotations.rounds.questions import assign_to
from reground.annotations.rounds.selection import WAYS, select_pairs
from reground.annotations.rounds.task_data import LabelText, contains_data
from reground.annotations.rounds.task_registry import register_tasks
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.votes import DEFAULT_POLICY, VotePolicy, annotator_rows
from reground.tasks.workspace import Workspace, fields
from tests.support.tables import candidate, class_row, image, prediction, put, put_truth, vote

PEOPLE = ("ann@lab", "bob@lab", "cay@lab", "dot@lab")


def truth(image_id: str, judged: dict[int, float], routing: str = "easy", **more: Any) -> dict[str, Any]:
    """A row of ``truth``: each judged label with its confidence; the first is the original one."""
    kept = [label for label, confidence in judged.items() if confidence >= 0.5]
    row = {
        "image_id": image_id,
        "original": next(iter(judged), None),
        "labels": kept,
        "judged": list(judged),
        "confidence": list(judged.values()),
        "shown": [5] * len(judged),
        "main_label": None,
        "main_tied": False,
        "num_objects": None,
        "num_objects_tied": False,
        "objects": [],
        "isolated": [],
        "votes": 5 * len(judged),
        "sources": ["label-studio"],
        "vote_fingerprint": "",
        "routing": routing,
        "status": "confirmed",
        "method": "selection-frequency",
    }
    return {**row, **more}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Twelve images of three classes, each a candidate for its own class and the next."""
    made = Workspace(tmp_path / "w")
    put(made, "images", [{**image(f"i{n:02d}", n % 3), "sha256": f"{n:064x}"} for n in range(12)])
    put(made, "classes", [class_row(n) for n in range(5)])
    put(made, "candidates", [candidate(f"i{n:02d}", (n + k) % 3) for n in range(12) for k in (0, 1)])
    return made


def pairs(
    workspace: Workspace, kind: str = "contains", ask: str = "", limit: int = 0, policy: VotePolicy = DEFAULT_POLICY
) -> list[tuple[str, int]]:
    found = select_pairs(workspace, kind, 2, ask, limit, policy)
    return list(zip(found["image_id"], found["class_idx"].astype(int), strict=True))


def plan(workspace: Workspace, kind: str = "contains", **settings: Any) -> RoundPlan:
    chosen = ReviewSettings(**{"overlap": 2, **settings})
    return plan_round(
        ReviewRound(workspace, kind, chosen.round, 1 if chosen.blind else chosen.overlap), chosen, DEFAULT_POLICY
    )


def create_tasks(workspace: Workspace, made: RoundPlan, kind: str, overlap: int, first: int = 1) -> None:
    """As `reground.annotations.review.push_questions` writes questions down."""
    write_controls(workspace, [row for q in made.questions for row in made.controls.get(q.subject, ())])
    tasks = [Task(kind, 1, q, 7, first + n, overlap) for n, q in enumerate(made.questions)]
    register_tasks(workspace, tasks)


# Which pairs


def test_every_strategy_can_be_chosen() -> None:
    choices = next(field.choices for field in fields(ReviewSettings) if field.name == "selection")
    assert set(choices) == {"", *WAYS}


def test_an_unknown_way_of_asking_names_all(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"'everything': expected one of: candidates, needs_vote, predictions, sev"):
        pairs(workspace, ask="everything")


def test_a_way_without_its_table_says_what_makes_it(tmp_path: Path) -> None:
    empty = Workspace(tmp_path / "e")
    for ask, command in [
        ("candidates", "candidates"),
        ("several", "truth"),
        ("predictions", "predict"),
        ("needs_vote", "needs_vote"),
    ]:
        with pytest.raises(RegroundError, match=f"reground {command} "):
            pairs(empty, ask=ask)


def test_candidates_of_images_at_hand_and_no_more_than_the_limit(workspace: Workspace) -> None:
    put(workspace, "candidates", [candidate("i00", 0), candidate("i00", 1), candidate("i01", 1), candidate("gone", 1)])
    assert pairs(workspace) == [("i00", 0), ("i00", 1), ("i01", 1)]
    assert pairs(workspace, limit=1) == [("i00", 0)]
    assert pairs(workspace, "classify", limit=1) == [("i00", 0), ("i00", 1)]  # images, whole


def test_classify_goes_on_where_contains_found_several(workspace: Workspace) -> None:
    assert len(pairs(workspace, "classify")) == 24  # nobody has answered CONTAINS yet: every candidate
    selected = {0: 4, 1: 2, 2: 1, 3: 4, 4: 0}
    put(
        workspace,
        "votes",
        [
            vote("i00", label, f"p{person}", "yes" if person < count else "no", "contains")
            for label, count in selected.items()
            for person in range(5)
        ],
    )
    put_truth(workspace, [truth("i00", {0: 0.8, 1: 0.4, 3: 0.8}, "several"), truth("i01", {1: 1.0})])
    assert sorted(pairs(workspace, "classify")) == [("i00", 0), ("i00", 1), ("i00", 3)]  # 2: under half of 4
    assert pairs(workspace, "classify", "several") == [("i00", 0), ("i00", 3), ("i00", 1)]
    assert len(pairs(workspace, "contains")) == 24


def test_several_without_votes_at_hand_shows_what_was_judged(workspace: Workspace) -> None:
    put_truth(workspace, [truth("i00", {0: 1.0, 4: 0.1}, "several")])
    assert pairs(workspace, ask="several") == [("i00", 0), ("i00", 4)]


def test_predictions_nobody_was_asked_about(workspace: Workspace) -> None:
    put(workspace, "predictions/one", [prediction("i00", [0, 4]), prediction("i01", [4, 0]), prediction("i02", [-1])])
    put(workspace, "predictions/two", [prediction("i01", [4]), prediction("i02", [3]), prediction("i03", [2], "no_fg")])
    put(workspace, "votes", [vote("i00", 0, "ann")])
    put_truth(workspace, [truth("i01", {1: 1.0})])
    assert pairs(workspace, ask="predictions") == [("i01", 4), ("i02", 3)]
    # In one round the answer stays the same while answers come in; what is out elsewhere is left out.
    put(workspace, "votes", [vote("i01", 4, "ann", round=2)])
    assert ("i01", 4) in pairs(workspace, ask="predictions")
    register_tasks(workspace, [Task("contains", 1, Question("k", (ImageId("i02"),), (ClassIdx(3),)), 1, 1)])
    assert pairs(workspace, ask="predictions") == [("i00", 0), ("i01", 4)]
    # CLASSIFY needs the known labels beside it, to choose the main one from.
    assert pairs(workspace, "classify", "predictions") == [("i00", 0), ("i01", 4), ("i01", 1)]


def test_needs_vote_asks_the_worthiest_first(workspace: Workspace) -> None:
    rows = [("i05", 2, 0.9), ("i01", 1, 0.5), ("i05", 1, 0.4)]
    put(
        workspace,
        "needs_vote",
        [
            {"rank": n + 1, "image_id": i, "class_idx": c, "gain": g, "probability": 0.5, "votes": 1}
            for n, (i, c, g) in enumerate(rows)
        ],
    )
    assert pairs(workspace, ask="needs_vote", limit=2) == [("i05", 2), ("i01", 1)]
    assert pairs(workspace, "classify", "needs_vote", limit=1) == [("i05", 2), ("i05", 1)]


# Controls


def settled(workspace: Workspace) -> None:
    """Images 0 to 5 are settled; image 0 surely holds 0 and surely lacks 1."""
    put_truth(workspace, [truth(f"i{n:02d}", {n % 3: 1.0, (n + 1) % 3: 0.0}) for n in range(6)])


def test_a_grid_has_controls_whose_answer_is_known(workspace: Workspace) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    made = plan(workspace, grid=8)
    asked = [
        i for q in made.questions for i in q.image_ids if i not in {r["image_id"] for r in made.controls[q.subject]}
    ]
    assert sorted(asked) == [f"i{n:02d}" for n in range(6, 12)]  # each once, beside the controls
    for question in made.questions:
        rows = made.controls[question.subject]
        assert Counter(row["answer"] for row in rows) == {"yes": 2, "no": 2}
        assert {row["image_id"] for row in rows} <= set(question.image_ids) and len(question.image_ids) <= 8
        assert {row["image_id"] for row in rows if row["answer"] == "yes"} == {"i00", "i03"}
        assert {row["image_id"] for row in rows if row["answer"] == "no"} <= {"i01", "i02", "i04", "i05"}
    assert made == plan(workspace, grid=8) != plan(workspace, grid=8, seed=1)


def test_nothing_in_a_tasks_data_tells_a_control(workspace: Workspace) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    made = plan(workspace, grid=10)
    (question,) = made.questions
    labels = {ClassIdx(0): LabelText("thing", "")}
    data = contains_data(question, labels, lambda image_id: f"/{image_id}.jpg")
    assert len(made.controls[question.subject]) == 4 and len(data["images"]) == 10
    shapes = {tuple(sorted(set(option) - {"hotkey"})) for option in data["images"]}
    assert shapes == {("html", "value")} and "control" not in str(data)
    first = {plan(workspace, grid=10, seed=seed).questions[0].image_ids[0] for seed in range(8)}
    assert first & {f"i{n:02d}" for n in range(6)} and first & {f"i{n:02d}" for n in range(6, 12)}


def test_an_image_that_is_really_asked_about_is_no_control(workspace: Workspace) -> None:
    settled(workspace)
    made = plan(workspace)  # every candidate of every image, the settled ones too
    asked = {(i, c) for i, c in pairs(workspace)}
    for question in made.questions:
        label = int(question.class_idxs[0])
        assert all((row["image_id"], label) not in asked for row in made.controls[question.subject])


def test_without_gold_and_truth_a_grid_is_full_of_questions(workspace: Workspace) -> None:
    made = plan(workspace, grid=5)
    assert max(len(q.image_ids) for q in made.questions) == 5 and not any(made.controls.values())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"grid": 0}, r"review.grid: expected a whole number, at least 1, got 0"),
        ({"overlap": 0}, r"review.overlap: expected a whole number, at least 1"),
        ({"limit": -1}, r"review.limit: expected a whole number, at least 0"),
        ({"batch_size": 0}, "review.batch_size"),
        ({"positive_controls": -1}, "review.positive_controls"),
        ({"url": "localhost:8080"}, "review.url: expected an address .* got 'localhost:8080'"),
        ({"annotators": ("ann@lab.org", "bob")}, "review.annotators: expected an e-mail address .* got 'bob'"),
        ({"selection": "everything"}, "review.selection: expected one of: candidates, several, predictions"),
        ({"grid": 4}, "room for questions beside 4 control images .* a grid of 4"),
    ],
)
def test_settings_out_of_range_are_refused(workspace: Workspace, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan(workspace, "contains", **settings)


def test_gold_makes_controls_before_anybody_voted(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "candidates", [candidate("i05", 0)])
    import_gold(workspace, tmp_path, "i00,class 0,yes", "i03,0,yes", "i01,n00000000,no")
    (question,) = plan(workspace).questions
    assert sorted(question.image_ids) == ["i00", "i01", "i03", "i05"]


def test_a_killed_push_resumes_beside_its_controls(workspace: Workspace) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    whole = plan(workspace, grid=7)
    create_tasks(workspace, RoundPlan(whole.questions[:1], whole.controls), "contains", 2)
    rest = plan(workspace, grid=7)
    known = read_controls(workspace)
    asked = [i for q in (whole.questions[0],) for i in q.image_ids if i not in known[q.subject]]
    asked += [
        i for q in rest.questions for i in q.image_ids if i not in {r["image_id"] for r in rest.controls[q.subject]}
    ]
    assert sorted(asked) == [f"i{n:02d}" for n in range(6, 12)]
    create_tasks(workspace, rest, "contains", 2, 100)
    assert plan(workspace, grid=7).questions == []


def test_controls_of_batches_that_never_went_out_are_forgotten(workspace: Workspace) -> None:
    rows = [{"key": key, "image_id": "i00", "class_idx": 0, "answer": "yes"} for key in ("out", "never")]
    for row in rows:
        write_controls(workspace, [row])
    delete_unused_controls(workspace, {"out"})
    assert read_controls(workspace) == {"out": {"i00": "yes"}}


# Gold


def import_gold(workspace: Workspace, folder: Path, *lines: str) -> dict[str, int]:
    path = folder / "known.csv"
    path.write_text("\n".join(["image_id,class,answer", *lines]))
    return import_file(workspace, path)


def test_gold_comes_in_and_again_replaces_itself(workspace: Workspace, tmp_path: Path) -> None:
    assert import_gold(workspace, tmp_path, "i00,class 0,yes", "i00,1,no", "i09,n00000002,yes") == {
        "pairs": 3,
        "images": 2,
        "dropped": 0,
    }
    assert import_gold(workspace, tmp_path, "i00,0,yes", "nobody,0,yes", "i00,dragon,no") == {
        "pairs": 1,
        "images": 1,
        "dropped": 2,
    }
    assert read_gold(workspace) == {("i00", 0): "yes"}
    assert sorted(workspace.read("dropped")["reason"]) == ["image_unknown", "label_unknown"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["i00,0,perhaps"], r"line 2\) 'perhaps': expected one of: no, yes"),
        (["i00,0,yes", "i00,class 0,no"], "line 3: .*the opposite"),
        (["i00,0"], "line 2: expected 3 cells"),
        ([], "one known answer a line"),
    ],
)
def test_malformed_gold_is_refused_whole(workspace: Workspace, tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        import_gold(workspace, tmp_path, *lines)
    assert workspace.read("gold").empty


def test_wrong_use_on_the_command_line_says_so(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["-w", workspace.url]
    assert main(["review", "push", "ann@lab", *where]) == 2
    assert "no e-mail addresses with `reground review push`" in capsys.readouterr().err
    assert main(["gold", "import", str(tmp_path / "none.csv"), *where]) == 2
    assert "expected a CSV" in capsys.readouterr().err
    assert main(["review", "annotators", *where]) == 0 and "nobody has answered" in capsys.readouterr().out


def test_gold_is_mixed_in_at_the_rate_and_looks_like_the_rest(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "candidates", [candidate(f"i{n:02d}", label) for n in range(8) for label in (0, 1, 2)])
    import_gold(workspace, tmp_path, *(f"i{n:02d},0,yes" for n in range(8, 12)))
    made = plan(workspace, "classify", gold_rate=0.2)
    extra = [q for q in made.questions if q.image_ids[0] >= "i08"]
    assert len(made.questions) == 10 and len(extra) == 2
    assert {len(q.class_idxs) for q in made.questions} == {3} and all(0 in q.class_idxs for q in extra)
    create_tasks(workspace, made, "classify", 2)
    assert plan(workspace, "classify", gold_rate=0.2).questions == []
    assert len(plan(workspace, "classify", gold_rate=0.0, round=2).questions) == 8
    with pytest.raises(UsageError, match=r"review.gold_rate: expected a number, at least 0, less than 1, got 1"):
        plan(workspace, "classify", gold_rate=1, round=3)


def test_gold_among_the_questions_counts_towards_the_rate(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(8)])
    import_gold(workspace, tmp_path, *(f"i{n:02d},0,yes" for n in range(12)))
    assert len(plan(workspace, "classify", gold_rate=0.2).questions) == 8


# Blinding


SUBJECTS = st.integers(1, 30)


@given(SUBJECTS, st.integers(1, 4), st.integers(0, 60), st.integers(0, 5))
def test_each_question_goes_to_as_many_people_as_asked_and_all_have_their_share(
    count: int, overlap: int, kept: int, seed: int
) -> None:
    """Whatever a killed push left out."""
    asked = [Question(f"classify:1:{n}", (ImageId(str(n)),), (ClassIdx(1), ClassIdx(2))) for n in range(count)]
    before = assign(asked, [], PEOPLE, overlap, seed)[:kept]
    after = assign(asked, before, PEOPLE, overlap, seed)
    both = [*before, *after]
    assert Counter(q.subject for q in both) == {q.key: overlap for q in asked}
    assert len({q.key for q in both}) == len({(q.subject, q.annotator) for q in both}) == len(both)
    load = Counter(q.annotator for q in both)
    assert max(load.values()) - min(load[person] for person in PEOPLE) <= 1
    assert not assign(asked, both, PEOPLE, overlap, seed)


def test_too_few_people_to_be_blind() -> None:
    with pytest.raises(UsageError, match=r"at least 3 annotators.*names 2 whose votes count: `reground review invite"):
        assign([], [], PEOPLE[:2], 3, 0)


def test_an_address_is_one_however_it_is_written_and_no_other_word_will_do(workspace: Workspace) -> None:
    made = plan(workspace, blind=True, annotators=("Ann@Lab", "ann@lab", "bob@lab"))
    assert {q.annotator for q in made.questions} == {"ann@lab", "bob@lab"}
    with pytest.raises(UsageError, match=r"an e-mail address such as .*, got 'bob of lab'"):
        plan(workspace, blind=True, annotators=("ann@lab", "bob of lab"))


def test_everybody_has_an_order_of_their_own(workspace: Workspace) -> None:
    base = Question("classify:1:a", (ImageId("a"),), tuple(ClassIdx(n) for n in range(6)))
    own = [assign_to(base, person, 0) for person in PEOPLE]
    assert len({q.class_idxs for q in own}) == len(PEOPLE) and {q.subject for q in own} == {base.key}
    assert all(sorted(q.class_idxs) == sorted(base.class_idxs) for q in own)


def test_a_blind_round_with_controls_and_gold_can_be_resumed(workspace: Workspace, tmp_path: Path) -> None:
    settled(workspace)
    put(workspace, "candidates", [candidate(f"i{n:02d}", 0) for n in range(6, 12)])
    import_gold(workspace, tmp_path, "i00,0,yes", "i01,0,no", "i02,0,no")
    for kind in ("contains", "classify"):
        chosen = {"blind": True, "annotators": PEOPLE, "grid": 5, "gold_rate": 0.25, "selection": "candidates"}
        whole = plan(workspace, kind, **chosen)
        create_tasks(workspace, RoundPlan(whole.questions[:3], whole.controls), kind, 1)
        rest = plan(workspace, kind, **chosen)
        shown = Counter(q.subject for q in (*whole.questions[:3], *rest.questions))
        gold_only = {f"classify:1:i{n:02d}" for n in range(3)}
        assert {count for subject, count in shown.items() if subject not in gold_only} == {2}
        assert not {q.key for q in whole.questions[:3]} & {q.key for q in rest.questions}
        create_tasks(workspace, rest, kind, 1, 100)
        assert plan(workspace, kind, **chosen).questions == []
        if kind == "classify":
            each = {p: [q for q in (*whole.questions[:3], *rest.questions) if q.annotator == p] for p in PEOPLE}
            assert all(any(q.subject in gold_only for q in own) for own in each.values())


def test_who_leaves_or_is_excluded_hands_their_questions_on(workspace: Workspace) -> None:
    blind = {"blind": True, "selection": "candidates", "overlap": 1}
    create_tasks(workspace, plan(workspace, "classify", annotators=PEOPLE[:2], **blind), "classify", 1)
    of_ann = [t.question for t in read_tasks(workspace) if t.question.annotator == "ann@lab"]
    done, *open_ = sorted(question.image_ids[0] for question in of_ann)
    answers = [vote(done, label, "ann@lab", annotator_id="label-studio:ann@lab") for label in (0, 1)]
    put(workspace, "votes", answers)
    left = plan(workspace, "classify", annotators=PEOPLE[1:3], **blind).questions
    assert sorted(q.image_ids[0] for q in left) == open_ and {q.annotator for q in left} <= set(PEOPLE[1:3])
    assert plan(workspace, "classify", annotators=PEOPLE[:3], **blind).questions == []
    (row,) = annotator_rows(workspace.read("votes"))
    put(workspace, "annotators", [row | {"excluded": "asleep"}])
    left = plan(workspace, "classify", annotators=PEOPLE[:3], **blind).questions
    assert sorted(q.image_ids[0] for q in left) == [done, *open_] and "ann@lab" not in {q.annotator for q in left}
    with pytest.raises(UsageError, match="names 0 whose votes count"):
        plan(workspace, "classify", annotators=PEOPLE[:1], **blind)


def test_a_round_goes_on_as_it_was_begun(workspace: Workspace) -> None:
    create_tasks(workspace, plan(workspace), "contains", 2)
    with pytest.raises(UsageError, match=r"begun with review.blind = false and review.overlap = 2, now .* false and 3"):
        plan(workspace, overlap=3)
    with pytest.raises(UsageError, match="set them back, or ask anew"):
        plan(workspace, blind=True, annotators=PEOPLE)


# Examples


def test_examples_are_of_the_truth_first_and_never_of_the_question(workspace: Workspace) -> None:
    put_truth(workspace, [truth("i01", {1: 0.1, 0: 1.0}, status="changed"), truth("i03", {0: 0.0, 4: 1.0})])
    shown = example_pool(workspace, 3, 0)
    assert shown.select(ClassIdx(0), ())[0] == "i01"  # its truth is 0, though it came as 1
    assert set(shown.select(ClassIdx(0), ())) <= {"i01", "i00", "i06", "i09"}  # i03 came as 0 and is not
    assert (
        "i01" not in shown.select(ClassIdx(0), {ImageId("i01")})
        and len(shown.select(ClassIdx(0), {ImageId("i01")})) == 3
    )
    assert shown.select(ClassIdx(3), ()) == [] and example_pool(workspace, 0, 0).select(ClassIdx(0), ()) == []
    copies = [{**image(f"c{n}", 4), "sha256": f"{n // 2:064x}"} for n in range(4)]
    put(workspace, "images", [*copies, {**image("asked", 0), "sha256": f"{1:064x}"}])
    assert example_pool(workspace, 3, 0).select(ClassIdx(4), {ImageId("asked")}) in (["c0"], ["c1"])


def test_examples_are_drawn_from_the_seed(workspace: Workspace) -> None:
    assert len({tuple(example_pool(workspace, 3, seed).select(ClassIdx(2), ())) for seed in range(9)}) > 1
