"""Nothing that annotators can see tells which image, key or original label a question is about."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from reground.annotations.rounds import read_tasks
from reground.annotations.rounds.opaque_names import opaque_name, read_secret, with_opaque_names
from reground.annotations.rounds.pending import discard_pending, read_pending, write_pending
from reground.annotations.rounds.questions import Question, classify_questions, contains_questions
from reground.annotations.rounds.render import TaskRenderer
from reground.annotations.rounds.settings import ReviewSettings
from reground.annotations.rounds.task_registry import Task, register_tasks
from reground.tasks.images import load_classes
from reground.tasks.schema import ClassIdx, ImageId
from reground.tasks.workspace import Output, Workspace
from tests.support.tables import image
from tests.support.world import World

IDS = ("n01440764_tench", "n01484850_great_white_shark")
SECRET = b"secret"


@pytest.fixture
def workspace(tmp_path: Path, world: World) -> Workspace:
    """Two photographs whose ids tell their label, in files whose names do so too."""
    workspace = Workspace(tmp_path / "w")
    files = sorted(world.images.rglob("*.*"))[:2]
    rows = [image(name, label, uri=str(file)) for name, label, file in zip(IDS, (0, 2), files, strict=True)]
    workspace.commit("index", "0", "0", Output({"images": rows, "classes": load_classes()}))
    return workspace


@pytest.mark.parametrize("kind", ["contains", "classify"])
def test_a_tasks_data_and_files_tell_nothing(workspace: Workspace, kind: str):
    pairs = pd.DataFrame([(name, label) for name in IDS for label in (5, 6)], columns=["image_id", "class_idx"])
    plan = contains_questions(pairs, [], 1, 48, 0) if kind == "contains" else classify_questions(pairs, [], 1, 0)
    questions = [with_opaque_names(question, kind, read_secret(workspace)) for question in plan]
    tasks = TaskRenderer(workspace, kind, ReviewSettings()).render(questions)
    files = [path.relative_to(workspace.path("review")) for path in Path(workspace.path("review")).rglob("*.jpg")]
    text = json.dumps(tasks) + " ".join(map(str, files))
    stems = [Path(uri).stem for uri in workspace.read("images")["uri"]]
    words = (*IDS, *stems, "n01440764", "n01484850", "great_white", f"{kind}:")
    assert len(files) == 2 and [word for word in words if word in text] == []
    assert {key for task in tasks for key in task} <= {
        "key",
        "labels",
        "question",
        "images",
        "image",
        "candidates",
        "mains",
    }


def test_names_are_of_one_question_and_need_the_secret():
    first, second = (
        with_opaque_names(
            Question(f"contains:1:{n}:0", (ImageId("a"), ImageId("b")), (ClassIdx(n),)), "contains", SECRET
        )
        for n in (1, 2)
    )
    names = {*first.options, *second.options, first.task_key, second.task_key}
    assert len(names) == 6 and all(len(name) == 16 for name in names)
    assert first.options[0] == opaque_name(SECRET, first.key, "a") != opaque_name(b"", first.key, "a")


def test_the_secret_is_drawn_once(tmp_path: Path):
    one, other = Workspace(tmp_path / "one"), Workspace(tmp_path / "other")
    assert read_secret(one) == read_secret(one) != read_secret(other) and len(read_secret(one)) == 32


def test_the_registry_maps_names_back(tmp_path: Path):
    workspace = Workspace(tmp_path / "w")
    question = with_opaque_names(
        Question("contains:1:7:0 to ann@lab", (ImageId("b"), ImageId("a")), (ClassIdx(7),), "ann@lab"),
        "contains",
        SECRET,
    )
    write_pending(workspace, "contains", 1, 1, [question])
    assert read_pending(workspace, "contains", 1) == {question.task_key: question}
    assert read_pending(workspace, "contains", 2) == read_pending(workspace, "classify", 1) == {}
    task = Task("contains", 1, question, 5, 50, 1)
    register_tasks(workspace, [task])
    discard_pending(workspace, "contains", 1, [question])
    assert read_tasks(workspace) == [task] and read_pending(workspace, "contains", 1) == {}
