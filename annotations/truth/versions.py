"""Truth versions: every truth there was.

Writes ``truth_versions`` and ``truths/VERSION`` whenever the step ``truth`` has made other rows
than before. A version is named as in ``evaluation`` and on data cards: by its digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from reground.tasks.workspace import Output, Workspace, digest

STEP: Final = "truth_versions"


@dataclass(frozen=True)
class Version:
    """One truth.

    Attributes:
        number: 1 for the first of this workspace.
        version: 12 hexadecimal digits.
        method: that gave the confidences.
        settings: of the step ``truth``.
        votes: behind it.
    """

    number: int
    version: str
    method: str
    settings: Mapping[str, Any]
    votes: int


def keep_version(workspace: Workspace, settings: Any) -> None:
    """Put the truth there is beside those there were, if it is another.

    Settings that give the same rows as others before give the same version; `truth_versions` names the last of them.
    """
    version = workspace.table_digest("truth")[:12]
    settings_json = json.dumps(asdict(settings), sort_keys=True)
    before = workspace.entry(STEP, version)
    if before is not None and before.key == digest(version, settings_json):
        return
    rows = workspace.read_arrow("truth")
    numbers = {v.version: v.number for v in versions(workspace)}
    row = {
        "version": version,
        "number": numbers.get(version, 1 + len(numbers)),
        "method": settings.method,
        "settings": settings_json,
        "images": len(rows),
        "votes": sum(rows["votes"].to_pylist()),
    }
    workspace.commit(STEP, version, digest(version, settings_json), Output({STEP: [row], f"truths/{version}": rows}))


def versions(workspace: Workspace) -> list[Version]:
    """Every truth there was, the first one first."""
    rows: list[dict[str, Any]] = workspace.read(STEP).sort_values("number").to_dict("records")  # type: ignore[assignment]
    return [
        Version(row["number"], row["version"], row["method"], json.loads(row["settings"]), row["votes"]) for row in rows
    ]
