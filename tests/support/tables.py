"""Rows by hand: each function gives one row, with what a test does not care about filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reground.tasks.masks import encode_mask
from reground.tasks.schema import TABLES, Outcome, Rows
from reground.tasks.votes import POLICY_TABLE, VotePolicy
from reground.tasks.workspace import Output, Workspace


def put(workspace: Workspace, table: str, rows: Rows) -> None:
    """Commit rows as if a step had made them."""
    workspace.commit(f"by-hand-{table.replace('/', '-')}", "0000", "0" * 32, Output({table: rows}))


def image(image_id: str, class_idx: int, uri: str = "", boxes: Sequence[Sequence[int]] = ()) -> dict[str, Any]:
    corners = ("xmin", "ymin", "xmax", "ymax")
    return {
        "image_id": image_id,
        "uri": uri or f"/nowhere/{image_id}.jpg",
        "class_idx": class_idx,
        "wnid": f"n{class_idx:08d}",
        "width": 300,
        "height": 200,
        "mode": "RGB",
        "sha256": hashlib.sha256(Path(uri).read_bytes()).hexdigest() if uri and Path(uri).is_file() else "0" * 64,
        "boxes": [dict(zip(corners, box, strict=True)) for box in boxes],
        "split": "val",
    }


def class_row(class_idx: int, name: str = "") -> dict[str, Any]:
    return {
        "class_idx": class_idx,
        "name": name or f"class {class_idx}",
        "wnids": [f"n{class_idx:08d}"],
        "gloss": f"the kind of thing number {class_idx}",
    }


def mask(image_id: str, width: int = 300, height: int = 200, **more: Any) -> dict[str, Any]:
    """A row of ``masks`` with an empty mask."""
    row = {
        "image_id": image_id,
        "method": "by hand",
        "rle": encode_mask(np.zeros((height, width), np.bool_)),
        "width": width,
        "height": height,
        "box": None,
        "area_ratio": 0.5,
        "quality": 1.0,
        "quarantine": None,
        "seed": 0,
    }
    return {**row, **more}


def prediction(image_id: str, ranked: Sequence[int], of_set: str = "photographs") -> dict[str, Any]:
    probability = [round(0.5 / (rank + 1), 6) for rank in range(len(ranked))]
    return {
        "set": of_set,
        "image_id": image_id,
        "class_idx": list(ranked),
        "probability": probability,
        "original_probability": None,
        "entropy": None,
        "recipe": f"decode {of_set}",
    }


def vote(
    image_id: str, class_idx: int, who: str, answer: str = "yes", question: str = "classify", **more: Any
) -> dict[str, Any]:
    row = {
        "round": 1,
        "question": question,
        "image_id": image_id,
        "class_idx": class_idx,
        "annotator_id": f"recorded:{who}",
        "answer": answer,
        "main": False,
        "num_objects": None,
        "seconds": 4.0,
        "at": "2026-01-01T00:00:00Z",
        "source": "recorded",
        "answer_id": f"recorded:{question}:{who}:{image_id}",
    }
    return {**row, **more}


def decision(image_id: str, class_idx: int, answer: str, who: str = "9", **more: Any) -> dict[str, Any]:
    """A row of ``decisions``: what a curator says."""
    row = {
        "image_id": image_id,
        "class_idx": class_idx,
        "answer": answer,
        "annotator_id": f"label-studio:{who}",
        "at": "2026-01-02T00:00:00.000000+00:00",
        "comment": None,
        "yes_votes": 0,
        "no_votes": 0,
        "link": "http://127.0.0.1:8080/projects/2/data?task=5&annotation=6",
        "key": f"decide:1:{image_id}:0 to eve@lab",
        "answer_id": "label-studio:2:6",
    }
    return {**row, **more}


def candidate(
    image_id: str, class_idx: int, reasons: Sequence[str] = ("original",), score: float = 0.5
) -> dict[str, Any]:
    return {"image_id": image_id, "class_idx": class_idx, "reasons": list(reasons), "score": score}


def annotator(annotator_id: str, **more: Any) -> dict[str, Any]:
    """A row of ``annotators`` of somebody who gave no answer on gold."""
    row = {column.name: None if column.nullable else 0 for column in TABLES["annotators"].columns}
    return {**row, "annotator_id": annotator_id, "source": annotator_id.partition(":")[0], **more}


def put_truth(workspace: Workspace, rows: Rows, policy: VotePolicy | None = None) -> None:
    """Commit rows of ``truth`` and the policy that they were made by, the default one unless said otherwise."""
    output = Output({"truth": rows, POLICY_TABLE: [(policy or VotePolicy()).row()]})
    workspace.commit("by-hand-truth", "0000", "0" * 32, output)


def conclusion(stage: str, labels: list[int], undecided: Sequence[int] = ()) -> dict[str, Any]:
    """Of a row of ``truth``, what people have decided; ``stage``: an outcome, or the state of an image not settled."""
    is_settled = stage in tuple(Outcome)
    return {
        "state": "settled" if is_settled else stage,
        "outcome": stage if is_settled else None,
        "labels": labels if is_settled else None,
        "undecided": list(undecided),
        "decided": [],
    }


def truth_row(image_id: str, labels: list[int], stage: str, main: int | None) -> dict[str, Any]:
    """``labels`` are those judged; of an unreviewed image the original label alone."""
    return {
        "image_id": image_id,
        **conclusion(stage, labels),
        "judged": labels,
        "confidence": [1.0] * len(labels),
        "shown": [5] * len(labels),
        "main_label": main,
        "main_tied": False,
        "original": next(iter(labels), None) if stage == "unreviewed" else None,
        "num_objects_tied": False,
        "isolated": [],
        "method": "selection-frequency",
        "num_objects": 1,
        "objects": [],
        "votes": 5,
        "sources": ["recorded"],
        "vote_fingerprint": "0" * 16,
        "routing": "several",
    }


def judged_row(
    image_id: str, stage: str, confidence: Mapping[int, float], original: int | None = None
) -> dict[str, Any]:
    """A row of ``truth`` by label and the probability that it holds: from one half on it does, where it is settled."""
    labels = [label for label, value in confidence.items() if value >= 0.5]
    return {
        **truth_row(image_id, labels, stage, None),
        "judged": list(confidence),
        "confidence": list(confidence.values()),
        "shown": [5] * len(confidence),
        "original": original,
        "method": "dawid-skene",
    }


def reference_row(image_id: str, labels: Sequence[int], confidence: Sequence[float] | None = None) -> dict[str, Any]:
    """A row of ``reference_truths/NAME`` without boxes."""
    return {
        "image_id": image_id,
        "labels": list(labels),
        "confidence": None if confidence is None else list(confidence),
        "boxes": [],
        "box_labels": [],
    }
