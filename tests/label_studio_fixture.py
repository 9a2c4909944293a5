"""A real Label Studio for the whole run, and a workspace of real photographs to ask about."""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.label_studio_server import LabelStudioServer, serve
from tasks.classes import load_classes
from tasks.store import Output, Workspace
from tests.needs import need_label_studio, need_package

CANDIDATES = {
    # stem of the photograph -> labels to ask about, the original one first
    "imagenet_00_243": (243, 242, 254, 246, 252, 188, 179, 195),
    "imagenet_04_949": (949, 950, 951, 953, 954, 948, 957, 926),
    "imagenet_06_609": (609, 408, 586, 817, 867),
    "imagenet_16_251": (251, 168, 246, 159, 212),
    "imagenet_17_22": (22, 21, 24, 128),
}


def photographs() -> dict[str, Path]:
    """Stem -> file, of the photographs that the package foolbox ships."""
    need_package("foolbox")
    spec = importlib.util.find_spec("foolbox")
    assert spec and spec.origin
    found = sorted((Path(spec.origin).parent / "data").glob("imagenet_*.jpg"))
    return {path.stem: path for path in found}


def fill(workspace: Workspace, candidates: dict[str, tuple[int, ...]], images: dict[str, Path]) -> None:
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
            "sha256": secrets.token_hex(32) if image_id not in images else image_id,
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
    tables = {"images": rows, "classes": load_classes(), "candidates": pairs}
    workspace.commit("index", "0000", "key", Output(tables))


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """One server for all; its document root is the parent of every workspace's ``review``."""
    need_label_studio()
    root = tmp_path_factory.mktemp("label-studio")
    with serve(root / "data", 0, root / "documents") as server:
        yield server
