"""A workspace by hand in every state a report can meet, and its page read as HTML."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reground.tasks.evaluation import step as evaluation
from reground.tasks.masks import encode_mask
from reground.tasks.report import ReportSettings
from reground.tasks.report.snapshot import Snapshot
from reground.tasks.report.step import render
from reground.tasks.schema import VARIANTS
from reground.tasks.workspace import Workspace, run_shard
from tests.support.tables import candidate, class_row, conclusion, image, prediction, put, put_truth, vote

EVIL = '<script>alert("x")</script>\'&'
MODELS = ("lite-a", "lite-b")
RUG, EVIL_ONE, OUTSIDE = 7, 8, 9
"""A class of group 0, of group 1 and of none."""
FOREGROUNDS = {"a": 0, "b": 1, "c": 0}
"""Of `mixed_workspace`: image_id -> group."""
VOID = {"meta", "img", "br", "rect", "line", "circle"}
RECIPE = '{"decoder": "pillow", "preprocessing": "decode|resize(%d)", "weights": "%s"}'


class Page(HTMLParser):
    """Text of every element of some kinds, every attribute, and whether all that opens closes."""

    LINES = ("tr", "p", "li", "header", "figcaption")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, list[str]]] = []
        self.lines: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        opened, text = self.open.pop()
        assert opened == tag, f"<{opened}> closed by </{tag}> at {self.getpos()}"
        words = " ".join("".join(text).split())
        if tag in self.LINES:
            self.lines.append(words)
        if self.open:
            self.open[-1][1].append(f" {words} ")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] not in ("script", "style"):
            self.open[-1][1].append(data)

    def text(self) -> str:
        return "\n".join(self.lines)

    def line(self, *words: str) -> str:
        """The shortest line with all of ``words``."""
        return min((line for line in self.lines if all(word in line for word in words)), key=len)


def truth_row(image_id: str, votes: dict[int, float], labels: list[int], stage: str, **more: Any) -> dict[str, Any]:
    return {
        "image_id": image_id,
        **conclusion(stage, labels),
        "judged": list(votes),
        "confidence": list(votes.values()),
        "shown": [3] * len(votes),
        "main_label": labels[0] if labels else None,
        "main_tied": False,
        "original": None,
        "num_objects_tied": False,
        "isolated": [],
        "vote_fingerprint": "",
        "method": "selection-frequency",
        "num_objects": len(labels) or None,
        "objects": [[label] for label in labels],
        "votes": 3 * len(votes),
        "sources": ["recorded"],
        "routing": "several",
        **more,
    }


def variant_row(image_id: str, name: str, shade: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.fromarray(np.full((224, 224, 3), shade, np.uint8)).save(buffer, "PNG")
    mixed = name.startswith("mixed")
    return {
        "image_id": image_id,
        "background_id": "b" if mixed else None,
        "class_idx": 7,
        "group": 0,
        "background_group": 1 if mixed else None,
        "seed": 0,
        "image": {"bytes": buffer.getvalue(), "path": f"{image_id}.png"},
    }


def mask_row(image_id: str, quality: float = 0.9, quarantine: str | None = None) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "method": "grabcut",
        "rle": "",
        "width": 300,
        "height": 200,
        "box": None,
        "area_ratio": 0.5,
        "quality": quality,
        "quarantine": quarantine,
        "seed": 0,
    }


def foreground_row(image_id: str, group: int) -> dict[str, Any]:
    rle = encode_mask(np.ones((224, 224), bool))
    return {"image_id": image_id, "class_idx": 7, "group": group, "rle": rle, "width": 224, "height": 224}


def index(workspace: Workspace, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for shade, image_id in enumerate("abcde"):
        Image.fromarray(np.full((200, 300, 3), 40 * shade, np.uint8)).save(folder / f"{image_id}.png")
    labels = {"a": 7, "b": 8, "c": 3, "d": 7, "e": 9}
    put(workspace, "images", [image(i, y, str(folder / f"{i}.png"), [(10, 10, 90, 90)]) for i, y in labels.items()])
    put(workspace, "classes", [class_row(3, EVIL), class_row(7, "prayer rug"), class_row(8), class_row(9, "mosque")])


def mix(workspace: Workspace) -> None:
    groups = [{"group": g, "name": n, "class_idx": c} for g, n, c in [(0, "Rug", 7), (1, EVIL, 8)]]
    put(workspace, "groups", groups)
    put(workspace, "masks", [mask_row(i) for i in "ab"])
    put(workspace, "foregrounds", [foreground_row("a", 0)])
    for shade, name in enumerate(VARIANTS):
        put(workspace, f"variants/{name}", [variant_row("a", name, 20 * shade)])
    dropped = {"stage": "masks", "reason": "several_boxes", "detail": EVIL}
    put(workspace, "dropped", [{"item": f"photo{n}", **dropped} for n in range(7)])


def predict(workspace: Workspace) -> None:
    for size, model in enumerate(MODELS):
        first = {"a": 9, "b": 8, "c": 3, "d": 7, "e": 9} if size else {"a": 7, "b": 8, "c": 8, "d": 8, "e": 9}
        rows = [prediction(i, [y, -1, -1, -1, -1]) for i, y in first.items()]
        rows += [prediction("a", [7 if size else 8, 3], name) for name in VARIANTS]
        put(workspace, f"predictions/{model}", [{**row, "recipe": RECIPE % (size, model)} for row in rows])
    of_a = [candidate("a", 9, ["lite-b:1"]), candidate("a", 7, ["original", "lite-a:1"], 0.25)]
    put(workspace, "candidates", [*of_a, candidate("e", 9)])


def judge(workspace: Workspace, source: str = "recorded") -> None:
    rows = [
        truth_row("a", {9: 1.0, 7: 0.0, 3: 1 / 3}, [9], "changed"),
        truth_row("b", {8: 1.0}, [8], "confirmed"),
        truth_row("c", {3: 0.0}, [], "empty"),
        truth_row("d", {7: 1.0, 8: 2 / 3}, [7, 8], "extended", main_tied=True),
        truth_row("e", {}, [9], "unreviewed", original=9, sources=[], main_label=None, num_objects=None, objects=[]),
    ]
    put_truth(workspace, [{**row, "sources": [source] if row["judged"] else []} for row in rows])
    put(workspace, "votes", [vote(i, 7, who, source=source) for i in "abcd" for who in "xyz"])


def evaluate(workspace: Workspace) -> None:
    for shard in evaluation.plan(workspace, evaluation.EvaluationSettings()):
        run_shard(evaluation.STEP, workspace, evaluation.EvaluationSettings(), shard)


def html_of(workspace: Workspace, **settings: Any) -> str:
    return render(Snapshot(workspace), ReportSettings(**settings))


def mixed_workspace(url: str, folder: Path) -> Workspace:
    """Three foregrounds with masks, originals and backgrounds; two models have predicted, nobody has judged."""
    workspace = Workspace(url)
    index(workspace, folder / "photographs")
    mix(workspace)
    predict(workspace)
    for name, shade in (("original", 200), ("only_bg_t", 60)):
        put(workspace, f"variants/{name}", [variant_row(i, name, shade + 10 * n) for n, i in enumerate(FOREGROUNDS)])
    mask = np.zeros((224, 224), bool)
    mask[50:100, 60:90] = True
    rows = [{**foreground_row(i, group), "rle": encode_mask(mask)} for i, group in FOREGROUNDS.items()]
    put(workspace, "foregrounds", rows)
    return workspace
