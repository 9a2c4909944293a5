"""Push to a real Label Studio: every question once, whatever dies in between."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from reground.annotations.label_studio import Client
from reground.annotations.label_studio import connection as label_studio_module
from reground.annotations.review import QUESTIONS, ReviewSettings, pull_votes, push_questions
from reground.annotations.rounds import projects, upload, workspace_tag
from reground.annotations.rounds.task_images import FULL, THUMBNAIL
from reground.annotations.rounds.task_registry import STEP
from reground.tasks.errors import RegroundError
from reground.tasks.workspace import Output, Workspace
from tests.support.label_studio_world import (
    CANDIDATES,
    PAIRS,
    LabelStudio,
    every_pair,
    files_of,
    fill,
    in_ledger,
    on_server,
    photographs,
)

pytestmark = pytest.mark.slow


pytest_plugins = ["tests.support.label_studio_fixture"]


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


def test_nobody_gets_an_empty_project(label_studio: LabelStudio, tmp_path: Path):
    workspace = label_studio.workspace(tmp_path / "w", {})
    pushed = push_questions(workspace, label_studio.settings(), "contains")
    assert (pushed.new, pushed.total, pushed.project_ids) == (0, 0, ())
    with label_studio.client() as client:
        assert client.find_projects(workspace_tag(workspace)) == []


def test_pictures_tell_nothing_of_their_image(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(selection="candidates")
    for question in QUESTIONS:
        push_questions(workspace, settings, question)
    links: list[str] = []
    with label_studio.client() as client:
        for project in client.find_projects(workspace_tag(workspace)):
            for _, data in client.list_tasks(project.id):
                links += [data["image"]] if "image" in data else [image["html"] for image in data["images"]]
    parts = [re.search(r"/data/local-files/\?d=(pictures/(\w+)/\w+\.jpg)", link) for link in links]
    assert not any("imagenet" in link for link in links) and all(parts)
    assert {part[2] for part in parts if part} == {THUMBNAIL.name, FULL.name}
    assert all(Path(workspace.path("review"), part[1]).is_file() for part in parts if part)


def test_a_server_killed_while_it_imports_costs_nothing(
    label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings(batch_size=2, retry_timeout=0.0)
    import_payload = Client.import_payload
    kills: list[threading.Thread] = []

    def import_and_kill(*arguments: Any) -> list[int]:
        killer = threading.Thread(target=label_studio.kill)
        if len(workspace.entries(STEP)) >= 3 and not kills:
            kills.append(killer)
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
    more = Workspace(tmp_path / "more")
    fill(more, CANDIDATES, photographs())
    for entry in more.entries("index"):
        rows = {name: more.read_part(part.path).to_pylist() for name, part in entry.tables.items()}
        workspace.commit("index", "0000", "more", Output(rows))
    config = projects.labeling_config("contains")
    monkeypatch.setattr(projects, "labeling_config", lambda kind: config.replace("8px", "9px"))
    second = push_questions(workspace, settings, "contains")
    assert second.project_id != first.project_id and every_pair(workspace) == PAIRS
    assert on_server(label_studio, workspace) == in_ledger(workspace)


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


def test_pictures_that_are_not_served_stop_a_push(label_studio: LabelStudio, tmp_path: Path):
    workspace = label_studio.workspace(tmp_path / "w")
    elsewhere = ReviewSettings(url=label_studio.server.url, document_root=str(tmp_path / "nowhere"))
    with pytest.raises(RegroundError, match=r"images in .*nowhere"):
        push_questions(workspace, elsewhere, "classify")
    assert on_server(label_studio, workspace) == []
