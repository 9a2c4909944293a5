"""Rounds with the real Label Studio: accounts, a project for each person, controls, gold, and who counts."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reground.annotations.label_studio import BrowserSession
from reground.annotations.review import (
    DATA_DIR,
    ReviewSettings,
    invite_annotators,
    pull_votes,
    push_questions,
    review_status,
)
from reground.annotations.rounds import Task, classify_result, contains_result, read_controls, read_tasks, upload
from reground.flows.cli.main import main
from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import CANDIDATES, LabelStudio, fill_beside, photographs
from tests.support.rounds_world import truth
from tests.support.tables import put_truth

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

ANN, BOB, CAY = "ann@blind.local", "bob@blind.local", "cay@blind.local"
JEEP = 609


def right(task: Task) -> list[dict[str, Any]]:
    """Ticks each image's original label, wherever it is shown."""
    question = task.question
    if task.kind == "contains":
        return contains_result(
            question, [i for i in question.image_ids if int(i.rpartition("_")[2]) == question.class_idxs[0]]
        )
    label = int(question.image_ids[0].rpartition("_")[2])
    return classify_result([label], label, "1")  # type: ignore[list-item,arg-type]


def answer(person: BrowserSession, tasks: Sequence[Task], seconds: float = 9.0) -> None:
    for task in tasks:
        person.submit(task.task_id, right(task), seconds)


def settled(workspace: Workspace) -> None:
    """Every other photograph is of a jeep for sure, or surely is not."""
    rows = [truth(stem, {int(stem.rpartition("_")[2]): 1.0}) for stem in photographs() if stem not in CANDIDATES]
    put_truth(workspace, rows)


def dropped(workspace: Workspace) -> dict[str, str]:
    rows = workspace.read("dropped")
    return dict(zip(rows["reason"], rows["detail"], strict=True))


def test_a_blind_round_from_accounts_to_votes(
    label_studio: LabelStudio, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGROUND_REVIEW__DOCUMENT_ROOT", str(label_studio.root / "documents"))
    workspace = label_studio.workspace(tmp_path / "w")
    (tmp_path / "w" / DATA_DIR).symlink_to(label_studio.root / "data")
    fill_beside(workspace)
    settled(workspace)
    known = tmp_path / "known.csv"
    known.write_text("image_id,class,answer\nimagenet_07_609,609,yes\nimagenet_06_609,817,no\n")
    where = ["-w", str(workspace.url)]
    assert main(["gold", "import", str(known), *where]) == 0
    assert main(["review", "invite", ANN, BOB.upper(), CAY, *where]) == 0
    said = capsys.readouterr().out
    assert label_studio.server.credentials.token not in said
    files = [label_studio.root / "data" / f"password-{email}" for email in (ANN, BOB, CAY)]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_text() not in said for path in files)
    assert main(["review", "invite", ANN, *where]) == 0 and "had an account" in capsys.readouterr().out
    push = ["review", "push", "--blind", "--overlap", "2", "--min-grid", "1", "--selection", "candidates", *where]
    assert main(push) == 0 and main(push) == 0  # the second finds nothing left to do
    assert capsys.readouterr().out.count("0 new tasks") >= 2

    tasks = read_tasks(workspace)
    gold_only = "classify:1:imagenet_07_609"
    people = Counter(task.question.subject for task in tasks if task.question.subject != gold_only)
    assert set(people.values()) == {2}
    own = {email: [task for task in tasks if task.question.annotator == email] for email in (ANN, BOB, CAY)}
    assert len({task.project_id for task in tasks}) == 6 and all(own.values())
    placed = read_controls(workspace)
    (jeeps,) = {task.question.subject for task in tasks if task.question.subject == f"contains:1:{JEEP}:0"}
    assert placed[jeeps]["imagenet_07_609"] == "yes" and "no" in placed[jeeps].values()  # type: ignore[index]
    with label_studio.client() as client:
        shown = [data for p in {t.project_id for t in tasks} for _, data in client.list_tasks(p)]
    assert {frozenset(data) for data in shown if "images" in data} == {
        frozenset({"key", "labels", "question", "images"})
    }
    assert "example" in str(shown)

    for email, path in zip((ANN, BOB), files, strict=False):
        with BrowserSession(label_studio.server.url, email, path.read_text()) as person:
            answer(person, own[email])
            if email == BOB:
                answer(person, own[ANN][:1])  # looks into another's project
    settings = ReviewSettings(annotators=(ANN, BOB, CAY), blind=True, overlap=2)
    pull_votes(workspace, settings)
    assert dropped(workspace).keys() == {"answer_uninvited"}
    assert f"assigned to {ANN}, answered by {BOB}" in dropped(workspace)["answer_uninvited"]
    votes = workspace.read("votes")
    assert not votes.duplicated(["question", "image_id", "class_idx", "annotator_id"]).any()
    asked = votes[(votes["question"] == "contains") & (votes["class_idx"] == JEEP)]["image_id"]
    assert not set(asked) & set(placed[jeeps])  # what is said of controls is no vote
    table = workspace.read("annotators").set_index("annotator_id")
    assert (table["gold_accuracy"] == 1.0).all() and (table["gold_n"] > 0).all() and table["excluded"].isna().all()
    rows = {row["question"]: row for row in review_status(workspace, settings).progress}
    assert set(rows) == {"contains", "classify"}
    assert main(["review", "annotators", *where]) == 0 and "known answers" in capsys.readouterr().out


def test_one_answer_too_many_and_one_in_a_second(label_studio: LabelStudio, tmp_path: Path) -> None:
    many = {stem: (int(stem.rpartition("_")[2]), JEEP, 21) for stem in photographs()}
    workspace = label_studio.workspace(tmp_path / "w", many)
    settings = label_studio.settings(grid=5)  # overlap 2
    push_questions(workspace, settings, "contains")
    tasks = read_tasks(workspace)
    with (
        label_studio.annotator("one@x.local") as one,
        label_studio.annotator("bot@x.local") as bot,
        label_studio.annotator("late@x.local") as late,
    ):
        answer(one, tasks)
        for task in tasks:
            bot.submit(task.task_id, contains_result(task.question, task.question.image_ids[:1]), 0.9)
        answer(late, tasks[:1])
    pulled = pull_votes(workspace, settings)
    assert (pulled.annotators, pulled.excluded, pulled.dropped) == (2, 1, 1)
    assert "late@x.local was number 3, the overlap is 2" in dropped(workspace)["answer_surplus"]
    why = workspace.read("annotators").set_index("address")["excluded"]
    assert "takes 0.9 s" in why["bot@x.local"] and why.isna().sum() == 1


def test_controls_and_owners_survive_a_kill_before_the_ledger(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = label_studio.workspace(tmp_path / "w")
    fill_beside(workspace)
    settled(workspace)
    settings = label_studio.settings(blind=True, annotators=(ANN, BOB), selection="candidates")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(upload, "register_tasks", die)
        push_questions(workspace, settings, "contains")
    assert read_tasks(workspace) == []
    push_questions(workspace, settings, "contains")
    tasks = read_tasks(workspace)
    assert {task.question.annotator for task in tasks} == {ANN, BOB} and {task.overlap for task in tasks} == {1}
    assert len({task.question.key for task in tasks}) == len(tasks)
    shown: Mapping[str, set[str]] = {task.question.subject: set(task.question.image_ids) for task in tasks}
    placed = read_controls(workspace)
    assert placed and all(set(images) <= shown[subject] for subject, images in placed.items())
    asked = {(i, s) for s, images in shown.items() for i in images - set(placed.get(s, {}))}
    assert len(asked) == sum(map(len, CANDIDATES.values()))


def test_accounts_elsewhere_are_not_ours_to_make(label_studio: LabelStudio, tmp_path: Path) -> None:
    workspace = label_studio.workspace(tmp_path / "w")
    with pytest.raises(RegroundError, match=r"Organization > Add People.*review.annotators = \['new@x.local'\]"):
        invite_annotators(workspace, label_studio.settings(), ["new@x.local"])
    for nobody in ([], ["nobody"], ["a@b/../c"]):
        with pytest.raises(UsageError, match="e-mail address"):
            invite_annotators(workspace, label_studio.settings(), nobody)
