"""Push, answer, pull against a real Label Studio: every question once, no answer lost."""

from __future__ import annotations

import hashlib
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from reground.annotations.label_studio import Client
from reground.annotations.label_studio import client as label_studio_module
from reground.annotations.label_studio import server as servers
from reground.annotations.label_studio.browser_session import submit_form
from reground.annotations.label_studio.credentials import read_credentials
from reground.annotations.review import QUESTIONS, ReviewSettings, pull_votes, push_questions, review_status
from reground.annotations.rounds import classify_result, contains_result, projects, read_tasks, upload, workspace_tag
from reground.annotations.rounds.task_images import FULL, THUMBNAIL
from reground.annotations.rounds.task_registry import STEP
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Output, Workspace
from tests.support.label_studio_world import CANDIDATES, LabelStudio
from tests.support.waiting import HANG

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

PAIRS = sorted((image_id, label) for image_id, labels in CANDIDATES.items() for label in labels)


def on_server(label_studio: LabelStudio, workspace: Workspace) -> list[str]:
    """The keys of every task that Label Studio holds for a workspace."""
    with label_studio.client() as client:
        ours = client.find_projects(workspace_tag(workspace))
        return sorted(data["key"] for project in ours for _, data in client.list_tasks(project.id))


def in_ledger(workspace: Workspace) -> list[str]:
    return sorted(task.question.key for task in read_tasks(workspace))


def every_pair(workspace: Workspace) -> list[tuple[str, int]]:
    tasks = read_tasks(workspace)
    return sorted((i, c) for t in tasks for i in t.question.image_ids for c in t.question.class_idxs)


def task_ids(workspace: Workspace) -> dict[str, int]:
    return {task.question.key: task.task_id for task in read_tasks(workspace)}


def files_of(workspace: Workspace) -> dict[str, str]:
    found = sorted(path for folder in ("tables", "manifest") for path in Path(workspace.path(folder)).rglob("*.*"))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_push_twice_asks_once(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=7)
    first = push_questions(workspace, settings, "contains")
    assert first.new == first.total and every_pair(workspace) == PAIRS
    before = files_of(workspace)
    again = push_questions(workspace, settings, "contains")
    assert (again.new, again.total, again.project_id) == (0, first.total, first.project_id)
    assert files_of(workspace) == before
    assert on_server(label_studio, workspace) == in_ledger(workspace)
    with label_studio.client() as client:
        project = client.project(first.project_id)
        assert project.num_tasks == first.total and len(project.title) <= 50


def test_pictures_tell_nothing_of_their_image(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    for question in QUESTIONS:
        push_questions(workspace, settings, question)
    with label_studio.client() as client:
        for project in client.find_projects(workspace_tag(workspace)):
            for _, data in client.list_tasks(project.id):
                links = [data["image"]] if "image" in data else [image["html"] for image in data["images"]]
                assert all("imagenet" not in link and "/data/local-files/?d=pictures/" in link for link in links)
    kinds = {path.parent.name for path in Path(workspace.path("review", "pictures")).rglob("*.jpg")}
    assert kinds == {THUMBNAIL.name, FULL.name}


def test_a_server_killed_while_it_imports_costs_nothing(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=2, retry_timeout=0.0)
    import_payload = Client.import_payload

    def import_and_kill(*arguments: Any) -> list[int]:
        killer = threading.Thread(target=label_studio.kill)
        if len(workspace.entries(STEP)) == 3:
            killer.start()
        try:
            return import_payload(*arguments)
        finally:
            if killer.ident is not None:
                killer.join()

    with monkeypatch.context() as patch, pytest.raises(RegroundError, match="run the command again"):
        patch.setattr(Client, "import_payload", import_and_kill)
        push_questions(workspace, settings, "contains")
    label_studio.stop()
    label_studio.start()
    assert 0 < len(in_ledger(workspace)) < len(PAIRS)
    push_questions(workspace, settings, "contains")
    assert every_pair(workspace) == PAIRS
    assert on_server(label_studio, workspace) == in_ledger(workspace)
    assert len(set(in_ledger(workspace))) == len(in_ledger(workspace))


def test_tasks_whose_ids_were_never_written_down_are_found_again(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As a kill between an import and the ledger's next line."""
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=3)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(upload, "register_tasks", die)
        push_questions(workspace, settings, "classify")
    assert in_ledger(workspace) == [] and len(on_server(label_studio, workspace)) >= 3
    push_questions(workspace, settings, "classify")
    assert every_pair(workspace) == PAIRS and on_server(label_studio, workspace) == in_ledger(workspace)


def test_an_import_that_came_through_late_leaves_no_twin(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    pushed = push_questions(workspace, settings, "classify")
    with label_studio.client() as client:
        (_, data), *_ = client.list_tasks(pushed.project_id)
        client.import_tasks(pushed.project_id, [data])
        assert len(on_server(label_studio, workspace)) == pushed.total + 1
        push_questions(workspace, settings, "classify")
        assert on_server(label_studio, workspace) == in_ledger(workspace)
        (twin,) = client.import_tasks(pushed.project_id, [data])
        with label_studio.annotator("ann@reground.local") as ann:
            ann.submit(twin, [], 1.0)
        with pytest.raises(RegroundError, match=f"task {twin}, with annotations"):
            push_questions(workspace, settings, "classify")


def test_new_candidates_are_asked_and_a_new_screen_opens_a_new_project(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    few = {"imagenet_16_251": (251, 246)}
    workspace, settings = label_studio.workspace(tmp_path / "w", few), label_studio.settings()
    first = push_questions(workspace, settings, "contains")
    more = label_studio.workspace(tmp_path / "more")
    for entry in more.entries("index"):
        rows = {name: more.read_part(part.path).to_pylist() for name, part in entry.tables.items()}
        workspace.commit("index", "0000", "more", Output(rows))
    config = projects.labeling_config("contains")
    monkeypatch.setattr(projects, "labeling_config", lambda kind: config.replace("8px", "9px"))
    second = push_questions(workspace, settings, "contains")
    assert second.project_id != first.project_id and every_pair(workspace) == PAIRS
    assert on_server(label_studio, workspace) == in_ledger(workspace)


def answer_everything(label_studio: LabelStudio, workspace: Workspace, email: str) -> None:
    """Ticks the original label wherever it is shown, and counts one object."""
    with label_studio.annotator(email) as person:
        for task in read_tasks(workspace):
            right = [i for i in task.question.image_ids if CANDIDATES[i][0] in task.question.class_idxs]
            if task.kind == "contains":
                person.submit(task.task_id, contains_result(right), 4.0)
            else:
                label = CANDIDATES[task.question.image_ids[0]][0]
                person.submit(task.task_id, classify_result([label], label, "1"), 8.0)  # type: ignore[list-item,arg-type]


def test_answers_become_votes_and_stay_the_same_bytes(label_studio: LabelStudio, tmp_path: Path):
    workspace = label_studio.workspace(tmp_path / "w")
    settings = label_studio.settings(recorded_annotators=("rec@reground.local",), batch_size=5)
    for question in QUESTIONS:
        push_questions(workspace, settings, question)
    answer_everything(label_studio, workspace, "ann@reground.local")
    answer_everything(label_studio, workspace, "rec@reground.local")
    tasks = len(in_ledger(workspace))
    pulled = pull_votes(workspace, settings)
    assert (pulled.answers, pulled.votes, pulled.annotators, pulled.dropped) == (2 * tasks, 4 * len(PAIRS), 2, 0)
    votes = workspace.read("votes")
    assert set(votes["source"]) == {"label-studio", "recorded"}
    assert set(votes["annotator_id"]) == {"label-studio:ann@reground.local", "recorded:rec@reground.local"}
    yes = votes[votes["answer"] == "yes"]
    assert {(i, c) for i, c in zip(yes["image_id"], yes["class_idx"], strict=True)} == {
        (image_id, labels[0]) for image_id, labels in CANDIDATES.items()
    }
    single = votes[votes["question"] == "classify"]
    assert (single["main"] == (single["answer"] == "yes")).all() and (single["num_objects"] == 1).all()
    assert list(workspace.read("annotators")["agreement"]) == [1.0, 1.0]
    rows = {row["question"]: row for row in review_status(workspace, settings)}
    assert rows["classify"]["tasks"] == rows["classify"]["done"] == len(CANDIDATES)
    assert sum(row["tasks"] for row in rows.values()) == tasks and rows["contains"]["open"] == 0
    assert all(row["annotators"] == 2 for row in rows.values())
    before = files_of(workspace)
    pull_votes(workspace, settings)
    assert files_of(workspace) == before


def test_what_does_not_count_is_written_down(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    ids = task_ids(workspace)
    eagle, dog = ids["classify:1:imagenet_17_22"], ids["classify:1:imagenet_16_251"]
    fine = classify_result([22], 22, "1")  # type: ignore[list-item,arg-type]
    with label_studio.annotator("ann@reground.local") as ann, label_studio.annotator("bob@reground.local") as bob:
        tampered = ann.submit(eagle, fine, 3.0)
        answer = bob._http.patch(f"/api/annotations/{tampered}/", json={"result": classify_result([], None, "")})
        assert answer.status_code == 200  # Label Studio itself lets him
        bob.submit(eagle, classify_result([22], 21, "1"), 3.0)  # type: ignore[list-item,arg-type]
        ann.submit(dog, classify_result([], None, ""), 3.0)
        ann.submit(dog, classify_result([251], 251, "1"), 3.0)  # type: ignore[list-item,arg-type]
        skipped = bob._http.post(f"/api/tasks/{dog}/annotations/", json={"result": [], "was_cancelled": True})
        assert skipped.status_code == 201
    pulled = pull_votes(workspace, settings)
    assert (pulled.answers, pulled.votes, pulled.dropped) == (1, len(CANDIDATES["imagenet_16_251"]), 3)
    dropped = workspace.read("dropped")
    assert sorted(dropped["reason"]) == ["answer_invalid", "answer_superseded", "answer_tampered"]
    votes = workspace.read("votes")
    assert list(votes[votes["answer"] == "yes"]["class_idx"]) == [251]


def test_a_personal_token_works_too(label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    with label_studio.annotator(f"pat-{tmp_path.name}@reground.local") as person:
        token = person._http.post("/api/token/", json={}).json()["token"]
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", token)
    assert push_questions(workspace, settings, "classify").new == len(CANDIDATES)
    assert pull_votes(workspace, settings).answers == 0


def test_a_wrong_token_is_named_and_not_shown(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    for wrong in ("f" * 40, "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl"):
        monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", wrong)
        with pytest.raises(RegroundError, match=r"401.*REGROUND_LABEL_STUDIO_TOKEN") as caught:
            push_questions(workspace, settings, "classify")
        assert wrong not in str(caught.value)
    monkeypatch.delenv("REGROUND_LABEL_STUDIO_TOKEN")
    with pytest.raises(RegroundError, match=r"expected a token for .* in the environment variable"):
        push_questions(workspace, settings, "classify")


def test_a_dead_server_is_named_and_votes_stay(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    answer_everything(label_studio, workspace, "ann@reground.local")
    pull_votes(workspace, settings)
    before = files_of(workspace)
    with socket.socket() as taken:  # bound and not listening: refuses connections
        taken.bind(("127.0.0.1", 0))
        dead = ReviewSettings(url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        for act in (pull_votes, review_status):
            with pytest.raises(RegroundError, match=r"got no answer.*reground review serve"):
                act(workspace, dead)
    with pytest.raises(RegroundError, match="review serve -w"):
        pull_votes(workspace, ReviewSettings())
    with label_studio.client() as client:
        client._sdk.projects.delete(read_tasks(workspace)[0].project_id)
    with pytest.raises(RegroundError, match=r"show project \d+.*404"):
        pull_votes(workspace, settings)
    with pytest.raises(RegroundError, match="404"):
        push_questions(workspace, settings, "classify")
    assert files_of(workspace) == before and len(workspace.read("votes"))


def test_another_version_and_another_workspaces_project_are_refused(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    workspace.write_bytes("review.id", b"somebody else")
    with pytest.raises(RegroundError, match="another Label Studio"):
        pull_votes(workspace, settings)
    monkeypatch.setattr(label_studio_module, "VERSION", "9.9")
    with pytest.raises(RegroundError, match=r"expected Label Studio 9\.9 .*, found 1\.23"):
        pull_votes(workspace, settings)


def test_tasks_deleted_in_label_studio_are_missed(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    with label_studio.client() as client:
        client.delete_task(read_tasks(workspace)[0].task_id)
    with pytest.raises(RegroundError, match="1 were deleted there"):
        push_questions(workspace, settings, "classify")


def test_pictures_that_are_not_served_stop_a_push(label_studio: LabelStudio, tmp_path: Path):
    workspace = label_studio.workspace(tmp_path / "w")
    elsewhere = ReviewSettings(url=label_studio.server.url, document_root=str(tmp_path / "nowhere"))
    with pytest.raises(RegroundError, match=r"images in .*nowhere"):
        push_questions(workspace, elsewhere, "classify")
    assert on_server(label_studio, workspace) == []
    with pytest.raises(RegroundError, match="folder of this machine"):
        push_questions(Workspace("memory://w"), elsewhere, "classify")


def test_the_server_is_closed_and_keeps_its_database_safe(label_studio: LabelStudio):
    data = label_studio.root / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "credentials.json").stat().st_mode) == 0o600
    with sqlite3.connect(data / "label_studio.sqlite3") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    url, secret = label_studio.server.url, label_studio.server.credentials
    assert secret.token not in repr(secret) and secret.password not in repr(label_studio.server)
    with httpx.Client(base_url=url, trust_env=False) as http:
        assert submit_form(http, url, "/user/signup/", {"email": "eve@x.org", "password": "p" * 20}).status_code == 403
        assert http.get("/health", headers={"Host": "evil.example"}).status_code == 400
        assert (
            "access-control-allow-origin" not in http.get("/health", headers={"Origin": "http://evil.example"}).headers
        )
        assert http.get("/data/local-files/?d=pictures/x").status_code == 401
    log = (data / "label-studio.log").read_text()
    assert secret.token not in log and secret.password not in log


def test_one_server_a_folder_and_one_a_port(label_studio: LabelStudio, tmp_path: Path):
    data, documents = label_studio.root / "data", label_studio.root / "documents"
    with servers.run_server(data, 0, documents) as same:
        assert same.pid == label_studio.server.pid
    with pytest.raises(RegroundError, match="already runs"):
        servers.serve_forever(data, 0, documents)
    with (
        pytest.raises(RegroundError, match="free for Label Studio"),
        servers.run_server(tmp_path / "other", label_studio.port, tmp_path / "documents"),
    ):
        pass
    with Client(label_studio.server.url, label_studio.server.credentials.token) as client:
        client.check()


def test_terminated_in_a_terminal_it_takes_label_studio_along(label_studio: LabelStudio, tmp_path: Path):
    data, documents = tmp_path / "data", tmp_path / "documents"
    label_studio.stop()
    shutil.copytree(label_studio.root / "data", data)
    label_studio.start()
    code = f"from pathlib import Path; from reground.annotations.label_studio.server import serve_forever as serve; \
serve(Path({str(data)!r}), 0, Path({str(documents)!r}))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as foreground:
        assert foreground.stdout is not None
        assert "log in as owner@reground.local" in foreground.stdout.readline()
        running = servers.find_server(data)
        assert running is not None
        foreground.terminate()
        assert foreground.wait(HANG) == 0
    assert servers.find_server(data) is None and not psutil.pid_exists(running.pid)


def test_a_start_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "label-studio"
    broken.write_text("#!/bin/sh\necho the database is on fire\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv(servers.EXECUTABLE_VARIABLE, str(broken))
    with (
        pytest.raises(RegroundError, match=r"exited while starting.*\n.*on fire"),
        servers.run_server(tmp_path / "d", 0, tmp_path / "r"),
    ):
        pass
    monkeypatch.setenv(servers.EXECUTABLE_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(servers, "_PROJECT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(RegroundError, match="make label-studio"):
        servers.find_executable()
    (tmp_path / "d" / "credentials.json").write_text("{}")
    with pytest.raises(RegroundError, match="expected email, password and token"):
        read_credentials(tmp_path / "d")
