"""Pulls fetch what is new and nothing else, and notice what was changed, deleted, cut off or lost."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from reground.annotations.collect import delta, sync
from reground.annotations.label_studio import Client, UnavailableError
from reground.annotations.review import ReviewSettings, pull_votes, push_questions, review_status
from reground.annotations.rounds import classify_result, contains_result, read_tasks
from reground.tasks.errors import RegroundError
from reground.tasks.schema import ClassIdx
from reground.tasks.storage import folder
from reground.tasks.workspace import Workspace
from tests.support.label_studio_world import CANDIDATES, LabelStudio

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]

ANN, BOB = "ann@reground.local", "bob@reground.local"


def tables_of(workspace: Workspace) -> dict[str, str]:
    return {name: workspace.table_digest(name) for name in ("votes", "submissions", "dropped", "annotators")}


def answer(label_studio: LabelStudio, workspace: Workspace, email: str, images: Sequence[str]) -> dict[str, int]:
    """Somebody says that the original label holds; image -> id of the answer."""
    given: dict[str, int] = {}
    with label_studio.annotator(email) as person:
        for task in read_tasks(workspace):
            image_id = task.question.image_ids[0]
            if task.kind == "classify" and image_id in images:
                label = ClassIdx(CANDIDATES[image_id][0])
                given[image_id] = person.submit(task.task_id, classify_result([label], label, "1"), 3.0)
    return given


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of the tasks whose answers were asked for."""
    asked: list[int] = []
    ask = Client.export_tasks

    def spy(client: Client, project_id: int, task_ids: Sequence[int]) -> object:
        asked.extend(task_ids)
        return ask(client, project_id, task_ids)

    monkeypatch.setattr(Client, "export_tasks", spy)
    return asked


def test_only_what_was_touched_is_fetched_and_the_tables_are_those_of_a_full_pull(
    label_studio: LabelStudio, tmp_path: Path, fetched: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delta, "LOOK_BACK", delta.LOOK_BACK * 0)
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=2)
    push_questions(workspace, settings, "classify")
    ids = {str(task.question.image_ids[0]): task.task_id for task in read_tasks(workspace)}
    pull_votes(workspace, settings)
    assert fetched == [] and len(workspace.read("votes")) == 0
    images = list(CANDIDATES)
    given = answer(label_studio, workspace, ANN, images[:3])
    pull_votes(workspace, settings)
    assert sorted(fetched) == sorted(ids.values())  # all were new
    fetched.clear()
    pull_votes(workspace, settings)
    assert fetched == []
    more = answer(label_studio, workspace, BOB, images[3:4])
    with label_studio.annotator(ANN) as ann:  # one changed, one taken back, one skipped
        nothing = {"result": classify_result([], None, "")}
        assert ann._http.patch(f"/api/annotations/{given[images[0]]}/", json=nothing).status_code == 200
        assert ann._http.delete(f"/api/annotations/{given[images[1]]}/").status_code == 204
        skip = {"result": [], "was_cancelled": True}
        assert ann._http.post(f"/api/tasks/{ids[images[4]]}/annotations/", json=skip).status_code == 201
    pull_votes(workspace, settings)
    assert sorted(fetched) == sorted(ids[images[n]] for n in (0, 1, 3, 4))
    votes = workspace.read("votes")
    assert set(votes["image_id"]) == {images[0], images[2], images[3]}
    assert set(votes[votes["answer"] == "yes"]["image_id"]) == {images[2], images[3]}
    assert any(str(more[images[3]]) in answer_id for answer_id in votes["answer_id"])
    before = tables_of(workspace)
    workspace.retire(sync.STEP, ())
    pull_votes(workspace, settings)
    assert tables_of(workspace) == before


def test_a_first_pull_lists_no_task_and_knows_all_that_a_list_would_tell(
    label_studio: LabelStudio, tmp_path: Path, fetched: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delta, "LOOK_BACK", delta.LOOK_BACK * 0)
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=2)
    project = push_questions(workspace, settings, "classify").project_id
    answer(label_studio, workspace, ANN, list(CANDIDATES)[:3])
    with monkeypatch.context() as patch:
        patch.setattr(Client, "list_changes", lambda *_: pytest.fail("listed"))
        pull_votes(workspace, settings)
    cursor = json.loads(workspace.read_bytes(delta.CURSOR_FILE))[str(project)]
    with label_studio.client() as client:
        changes = {change.id: change for change in client.list_changes(project)}
    assert cursor["updated_at"] == max(change.updated_at for change in changes.values())
    rows = workspace.read_arrow("answers").to_pylist()
    assert len(rows) == 3
    for row in rows:
        change = changes[row["task_id"]]
        assert (row["stamp"], row["answers"]) == (change.updated_at, change.submissions)
    fetched.clear()
    workspace.write_bytes(
        delta.CURSOR_FILE, json.dumps({project: {"updated_at": cursor["updated_at"], "compared_at": 0}}).encode()
    )
    pull_votes(workspace, settings)  # compares all, and finds nothing
    assert fetched == []


def test_what_the_stamps_do_not_tell_the_counts_do(
    label_studio: LabelStudio, tmp_path: Path, fetched: list[int], monkeypatch: pytest.MonkeyPatch
):
    """As an answer written long after its task was stamped: the mark is beyond it."""
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    answer(label_studio, workspace, ANN, list(CANDIDATES)[:1])
    pull_votes(workspace, settings)
    fetched.clear()
    answer(label_studio, workspace, ANN, list(CANDIDATES)[1:3])
    monkeypatch.setattr(delta, "_look_back", lambda stamp: "2100-01-01T00:00:00.000000Z")
    assert pull_votes(workspace, settings).answers == 3 and len(fetched) == 2
    cursors = workspace.read_bytes(delta.CURSOR_FILE)
    pull_votes(workspace, settings)
    assert len(fetched) == 2 and workspace.read_bytes(delta.CURSOR_FILE) == cursors


@pytest.mark.parametrize("clock_set_back", [False, True])
def test_an_answer_taken_back_and_another_given_do_not_cancel_out(
    label_studio: LabelStudio, tmp_path: Path, clock_set_back: bool
):
    """The number of answers stays the same, and after a clock is set back timestamps tell nothing either."""
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    project = push_questions(workspace, settings, "classify").project_id
    images = list(CANDIDATES)[:3]
    ids = {str(task.question.image_ids[0]): task.task_id for task in read_tasks(workspace)}
    answer(label_studio, workspace, ANN, images[:2])
    pull_votes(workspace, settings)
    if clock_set_back:
        cursor = json.loads(workspace.read_bytes(delta.CURSOR_FILE))
        cursor[str(project)]["updated_at"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        workspace.write_bytes(delta.CURSOR_FILE, json.dumps(cursor).encode())
    with label_studio.annotator(BOB) as bob:  # in Label Studio's list of tasks: delete all answers to this one
        action = {"id": "delete_tasks_annotations", "project": project}
        selected = {"selectedItems": {"all": False, "included": [ids[images[0]]]}, "project": project}
        assert bob._http.post("/api/dm/actions", params=action, json=selected).status_code == 200
    answer(label_studio, workspace, BOB, images[2:])
    pull_votes(workspace, settings)
    assert set(workspace.read("votes")["image_id"]) == set(images[1:])


def test_votes_on_a_task_that_somebody_deleted_stay_with_a_note(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    answer(label_studio, workspace, ANN, list(CANDIDATES))
    pull_votes(workspace, settings)
    votes = workspace.table_digest("votes")
    gone = read_tasks(workspace)[1]
    with label_studio.client() as client:
        client.delete_task(gone.task_id)
    pull_votes(workspace, settings)
    assert workspace.table_digest("votes") == votes
    (note,) = workspace.read("dropped").to_dict("records")
    assert (note["item"], note["reason"]) == (gone.question.key, "task_deleted")
    assert f"task {gone.task_id}" in note["detail"] and "count: 1" in note["detail"]
    before = tables_of(workspace)
    pull_votes(workspace, settings)
    assert tables_of(workspace) == before
    (row,) = review_status(workspace, settings).progress
    assert (row["tasks"], row["done"], row["answers"]) == (len(CANDIDATES), 1, len(CANDIDATES))


def test_one_project_gone_the_others_are_collected(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(selection="candidates")
    gone = push_questions(workspace, settings, "contains").project_id
    push_questions(workspace, settings, "classify")
    with label_studio.annotator(ANN) as ann:
        for task in read_tasks(workspace):
            if task.kind == "contains":
                ann.submit(task.task_id, contains_result(task.question, []), 1.0)
    pull_votes(workspace, settings)
    first = workspace.read("votes")
    answer(label_studio, workspace, ANN, list(CANDIDATES))
    with label_studio.client() as client:
        client._sdk.projects.delete(gone)
    with pytest.raises(RegroundError, match=rf"show project {gone}, it has no such project"):
        pull_votes(workspace, settings)
    votes = workspace.read("votes")
    assert set(first["answer_id"]) < set(votes["answer_id"])
    assert set(votes[votes["question"] == "classify"]["image_id"]) == set(CANDIDATES)


@contextmanager
def cutting(port: int, about: bytes, keep: int) -> Iterator[int]:
    """The port of a proxy that ends a connection after ``keep`` bytes of an answer to requests about something."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, port, about, keep), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, port: int, about: bytes, keep: int) -> None:
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_relay, args=(caller, port, about, keep), daemon=True).start()


def _relay(caller: socket.socket, port: int, about: bytes, keep: int) -> None:
    """One request a connection: its answer is passed on until Label Studio or the limit ends it."""
    with caller, socket.create_connection(("127.0.0.1", port)) as server:
        request = b""
        while not request.endswith(b"\r\n\r\n"):  # no request of a pull has a body
            piece = caller.recv(65536)
            if not piece:
                return
            request += piece
        server.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
        left = keep if about in request else 1 << 30
        begun = False
        while left > 0 and (piece := server.recv(min(left, 65536))):
            left -= len(piece)
            if not begun:  # else the caller would put its next request into a connection that is closing
                piece, begun = piece.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), True
            caller.sendall(piece)


@pytest.mark.parametrize("keep", [0, 100, 900])
def test_an_export_cut_off_half_way_costs_nothing(label_studio: LabelStudio, tmp_path: Path, keep: int):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    push_questions(workspace, settings, "classify")
    answer(label_studio, workspace, ANN, list(CANDIDATES)[:2])
    pull_votes(workspace, settings)
    before = tables_of(workspace)
    answer(label_studio, workspace, BOB, list(CANDIDATES))
    with cutting(label_studio.port, b"/export?", keep) as port:
        through = ReviewSettings(url=f"http://127.0.0.1:{port}", document_root=settings.document_root)
        with pytest.raises(UnavailableError, match=r"export the annotations .*run the command again"):
            pull_votes(workspace, through)
    assert tables_of(workspace) == before
    assert pull_votes(workspace, settings).answers == 2 + len(CANDIDATES)


def test_a_full_disk_on_the_ledger_leaves_no_twin(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=2)
    create = folder._create

    def full(path: Path, private: bool) -> IO[bytes]:
        if "questions" in path.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        return create(path, private)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_create", full)
        with pytest.raises(RegroundError, match=r"No space left.*run the same command again"):
            push_questions(workspace, settings, "classify")
    assert read_tasks(workspace) == []
    project = push_questions(workspace, settings, "classify").project_id
    with label_studio.client() as client:
        keys = [data["key"] for _, data in client.list_tasks(project)]
    assert sorted(keys) == sorted(task.question.task_key for task in read_tasks(workspace))
    assert len(keys) == len(set(keys)) == len(CANDIDATES)


def test_status_tells_done_open_and_disagreed(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    assert review_status(workspace, settings).progress == []
    push_questions(workspace, settings, "classify")
    images = list(CANDIDATES)
    answer(label_studio, workspace, ANN, images[:3])
    answer(label_studio, workspace, BOB, images[:1])
    with label_studio.annotator(BOB) as bob:
        (task,) = (t for t in read_tasks(workspace) if t.question.image_ids[0] == images[1])
        bob.submit(task.task_id, classify_result([], None, ""), 2.0)
    before = tables_of(workspace)
    (row,) = review_status(workspace, settings).progress
    counts = {name: row[name] for name in ("tasks", "done", "open", "disagreed", "answers", "annotators")}
    assert counts == {"tasks": 5, "done": 2, "open": 3, "disagreed": 1, "answers": 5, "annotators": 2}
    assert row["answers_per_hour"] > 0
    assert row["hours_left"] == pytest.approx(5 / row["answers_per_hour"])
    assert tables_of(workspace) == before
