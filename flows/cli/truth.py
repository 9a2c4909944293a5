"""``reground truth versions`` and ``reground truth diff A B``: the truths there were, side by side."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from reground.tasks.errors import UsageError, unknown
from reground.tasks.workspace import Workspace

ACTIONS: Final = ("versions", "diff")
LISTED: Final = 20
"""Images named on the terminal; ``--json`` names all."""


def look_back(workspace: Workspace, arguments: Namespace) -> tuple[str, dict[str, Any]]:
    """What ``reground truth ACTION ...`` prints, for a person and for a machine.

    Raises:
        UsageError: another action, or not two versions to compare.
    """
    action, *names = arguments.action
    if action not in ACTIONS:
        raise unknown("action of `reground truth`", action, ACTIONS)
    if action == "versions":
        return _versions(workspace)
    if len(names) != 2:
        raise UsageError(f"expected two versions, `reground truth diff A B -w W`, got {len(names)}.")
    return _diff(workspace, *names)


def _versions(workspace: Workspace) -> tuple[str, dict[str, Any]]:
    from reground.annotations.truth import versions

    found = versions(workspace)
    lines = [f"{v.number:>3}  {v.version}  {v.method}, {v.votes:,} votes" for v in found]
    return "\n".join(lines) or "no truth yet", {"versions": [asdict(version) for version in found]}


def _diff(workspace: Workspace, before: str, after: str) -> tuple[str, dict[str, Any]]:
    from reground.annotations.truth import Diff, diff

    found: Diff = diff(workspace, before, after)
    classes = workspace.read("classes", ["class_idx", "name"])
    names = dict(zip(classes["class_idx"].tolist(), classes["name"], strict=True))
    lines = [
        f"{version.number} ({version.version}): {version.method}, {version.votes:,} votes"
        for version in (found.before, found.after)
    ]
    lines += [f"setting {name}: {old} -> {new}" for name, (old, new) in found.settings.items()]
    lines.append(f"images: {len(found.changes):,} changed, {found.unchanged:,} the same")
    lines += [f"  {old} -> {new}: {count:,}" for (old, new), count in found.statuses().most_common()]
    lines += [f"why: {reason}: {count:,}" for reason, count in found.reasons().most_common()]
    lines += list(_named(found.changes[:LISTED], names))
    if len(found.changes) > LISTED:
        lines.append(f"... and {len(found.changes) - LISTED:,} more: --json names all")
    return "\n".join(lines), asdict(found)


def _named(changes: Sequence[Any], names: Mapping[int, str]) -> Iterator[str]:
    for change in changes:
        sides = " -> ".join(_side(row, names) for row in (change.before, change.after))
        yield f"{change.image_id}: {sides}; {', '.join(change.why)}"


def _side(row: Mapping[str, Any] | None, names: Mapping[int, str]) -> str:
    if row is None:
        return "-"
    labels = ", ".join(names.get(label, str(label)) for label in row["labels"]) or "no label"
    main = row["main_label"]
    if main is None:
        return f"[{labels}; {row['status']}]"
    return f"[{labels}; main {names.get(int(main), main)}, objects {row['num_objects']:g}; {row['status']}]"
