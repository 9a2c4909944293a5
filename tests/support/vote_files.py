"""Files of votes as people have them, small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reground.tasks.workspace import Workspace

CSV = "image_id,label,annotator,answer"


def write_csv(folder: Path, *lines: str, head: str = CSV, name: str = "crowd.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def choices(*labels: str, tag: str = "choice") -> dict[str, Any]:
    return {"from_name": tag, "to_name": "image", "type": "choices", "value": {"choices": list(labels)}}


def annotation(number: int, person: object, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": number, "completed_by": person, "was_cancelled": False, "result": list(results), **more}


def write_export(path: Path, *tasks: dict[str, Any]) -> Path:
    path.write_text(json.dumps(list(tasks)))
    return path


def answers(workspace: Workspace) -> set[tuple[str, str, int, str]]:
    """(annotator without source, image, class, answer) of every vote."""
    rows = workspace.read("votes").to_dict("records")
    return {(r["annotator_id"].partition(":")[2], r["image_id"], r["class_idx"], r["answer"]) for r in rows}
