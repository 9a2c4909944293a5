"""Files of published labels, and what an import of them gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reground.tasks.workspace import Workspace


def document(path: Path, content: Any) -> Path:
    """A JSON file."""
    path.write_text(json.dumps(content))
    return path


def table(path: Path, *lines: str, header: str = "image_id,label") -> Path:
    """A CSV file."""
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def coco(path: Path, annotations: list[dict[str, Any]], **sections: Any) -> Path:
    """A COCO file of the images a.jpg (1), b.jpg (2) and c.jpg (3), and the categories dog (1) and n00000003 (2)."""
    whole = {
        "images": [{"id": n, "file_name": f"val/{name}.jpg"} for n, name in enumerate("abc", start=1)],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "n00000003"}],
        "annotations": annotations,
    }
    return document(path, {**whole, **sections})


def labels(workspace: Workspace, name: str) -> dict[str, list[int]]:
    """Image -> its labels."""
    rows = workspace.read_arrow(f"reference_truths/{name}", ["image_id", "labels"]).to_pylist()
    return {row["image_id"]: row["labels"] for row in rows}


def dropped(workspace: Workspace) -> list[tuple[str, str]]:
    """(item, reason) of what was left out, in order."""
    rows = workspace.read_arrow("dropped", ["item", "reason"]).to_pylist()
    return sorted((row["item"], row["reason"]) for row in rows)
