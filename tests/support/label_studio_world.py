"""A real Label Studio, and workspaces of real photographs to ask about."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from reground.annotations.label_studio import BrowserSession, Client, LabelStudioServer, run_server, sign_up
from reground.annotations.review import (
    DOCUMENT_ROOT,
    ReviewSettings,
)
from reground.annotations.rounds import IMAGE_FOLDER, read_tasks, workspace_tag
from reground.tasks.images import load_classes
from reground.tasks.workspace import Output, Workspace
from tests.support.needs import need_package

CANDIDATES: dict[str, tuple[int, ...]] = {
    # stem of the photograph -> labels to ask about, the original one first
    "imagenet_00_243": (243, 242, 246),
    "imagenet_04_949": (949, 950, 957),
    "imagenet_06_609": (609, 817, 246),
    "imagenet_16_251": (251, 246),
    "imagenet_17_22": (22, 21),
}
PASSWORD = "a-long-enough-passphrase"


def photographs() -> dict[str, Path]:
    """Stem -> file, of the photographs that the package foolbox ships."""
    need_package("foolbox")
    spec = importlib.util.find_spec("foolbox")
    assert spec and spec.origin
    return {path.stem: path for path in sorted((Path(spec.origin).parent / "data").glob("imagenet_*.jpg"))}


def fill(workspace: Workspace, candidates: Mapping[str, tuple[int, ...]], images: Mapping[str, Path]) -> None:
    """Tables ``images``, ``classes`` and ``candidates`` of some photographs."""
    rows = [
        {
            "image_id": image_id,
            "uri": str(images[image_id]),
            "class_idx": labels[0],
            "wnid": "",
            "width": 512,
            "height": 512,
            "mode": "RGB",
            "sha256": _sha256(images[image_id]),
            "boxes": [],
            "split": "val",
        }
        for image_id, labels in candidates.items()
    ]
    pairs = [
        {"image_id": image_id, "class_idx": label, "reasons": ["original"], "score": 0.5}
        for image_id, labels in candidates.items()
        for label in labels
    ]
    workspace.commit("index", "0000", "key", Output({"images": rows, "classes": load_classes(), "candidates": pairs}))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fill_beside(workspace: Workspace) -> None:
    """The photographs that `fill` was not given, in ``images`` too: to take controls and examples from."""
    (like, *_), known = workspace.read("images").to_dict("records"), set(workspace.read("images")["image_id"])
    more = [
        {**like, "image_id": stem, "uri": str(path), "class_idx": int(stem.rpartition("_")[2]), "boxes": []}
        | {"sha256": _sha256(path)}
        for stem, path in photographs().items()
        if stem not in known
    ]
    workspace.commit("index", "beside", "key", Output({"images": more}))


@dataclass
class LabelStudio:
    """One server for all tests, on one port, that can be killed and started again (3 s)."""

    root: Path
    port: int
    server: LabelStudioServer = field(init=False)
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        self.running = contextlib.ExitStack()
        if not (self.root / "documents").exists():
            (self.root / "empty" / DOCUMENT_ROOT).mkdir(parents=True, exist_ok=True)
            (self.root / "documents").unlink(missing_ok=True)
            self.serve_pictures(self.root / "empty")
        self.server = self.running.enter_context(run_server(self.root / "data", self.port, self.root / "documents"))

    def kill(self) -> None:
        """As ``kill -9`` does."""
        os.killpg(self.server.pid, signal.SIGKILL)
        psutil.Process(self.server.pid).wait()

    def stop(self) -> None:
        self.running.close()

    def workspace(self, folder: Path, candidates: Mapping[str, tuple[int, ...]] = CANDIDATES) -> Workspace:
        """A workspace whose pictures this server serves, in place of those of the one before."""
        (folder / DOCUMENT_ROOT / IMAGE_FOLDER).mkdir(parents=True)
        self.serve_pictures(folder)
        workspace = Workspace(folder)
        fill(workspace, candidates, photographs())
        return workspace

    def serve_pictures(self, folder: Path) -> None:
        """Make the pictures of a workspace those in the document root."""
        documents = self.root / "documents"
        link = documents.with_name("next")
        link.symlink_to(folder / DOCUMENT_ROOT)
        link.replace(documents)

    def settings(self, **other: object) -> ReviewSettings:
        documents = str(self.root / "documents")
        chosen: dict[str, object] = {"overlap": 2, "min_grid": 1, **other}
        return ReviewSettings(url=self.server.url, document_root=documents, **chosen)  # type: ignore[arg-type]

    def client(self) -> Client:
        return Client(self.server.url, self.server.credentials.token)

    def annotator(self, email: str) -> BrowserSession:
        """Somebody with an account, logged in."""
        with self.client() as client:
            if email not in {user.email for user in client.users()}:
                sign_up(client, email, PASSWORD)
        return BrowserSession(self.server.url, email, PASSWORD)


PAIRS = sorted((image_id, label) for image_id, labels in CANDIDATES.items() for label in labels)


def on_server(label_studio: LabelStudio, workspace: Workspace) -> list[str]:
    """The keys of every task that Label Studio holds for a workspace."""
    with label_studio.client() as client:
        ours = client.find_projects(workspace_tag(workspace))
        return sorted(data["key"] for project in ours for _, data in client.list_tasks(project.id))


def in_ledger(workspace: Workspace) -> list[str]:
    return sorted(task.question.task_key for task in read_tasks(workspace))


def every_pair(workspace: Workspace) -> list[tuple[str, int]]:
    tasks = read_tasks(workspace)
    return sorted((i, c) for t in tasks for i in t.question.image_ids for c in t.question.class_idxs)


def task_ids(workspace: Workspace) -> dict[str, int]:
    return {task.question.key: task.task_id for task in read_tasks(workspace)}


def files_of(workspace: Workspace) -> dict[str, str]:
    found = sorted(Path(workspace.path("tables")).rglob("*.*"))
    files = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    return files | {f"{entry.step}/{entry.shard}": repr(entry) for entry in workspace.entries()}
