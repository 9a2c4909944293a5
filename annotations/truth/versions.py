"""Truth versions: every truth there was, and what changed between two of them.

Writes ``truth_versions`` and ``truths/VERSION`` whenever the step ``truth`` has made other rows
than before. A version is named as in ``evaluation`` and on data cards: by its digest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import pandas as pd

from reground.tasks.errors import RegroundError, unknown
from reground.tasks.workspace import Output, Workspace, digest

STEP: Final = "truth_versions"
SHOWN: Final = ("state", "outcome", "labels", "main_label", "num_objects")
"""Columns of ``truth`` that make a row another."""


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


@dataclass(frozen=True)
class Change:
    """What became of one image.

    Attributes:
        image_id: of the image.
        before, after: `SHOWN` of either truth; None: it has no such image.
        why: the reasons that may have done it, see `diff`.
    """

    image_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    why: list[str]


@dataclass(frozen=True)
class Diff:
    """Two truths side by side.

    Attributes:
        before, after: the two.
        settings: name -> its two values, where they differ.
        unchanged: images of which nothing in `SHOWN` differs.
        changes: all others, by image_id.
    """

    before: Version
    after: Version
    settings: Mapping[str, tuple[Any, Any]]
    unchanged: int
    changes: list[Change]

    def transitions(self) -> Counter[tuple[str, str]]:
        """Outcome, or state of an image that is not settled, before and after -> images changed."""
        return Counter((_stage(change.before), _stage(change.after)) for change in self.changes)

    def reasons(self) -> Counter[str]:
        """Reason -> images changed."""
        return Counter(reason for change in self.changes for reason in change.why)


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


def find(workspace: Workspace, name: str) -> Version:
    """The truth that ``name`` means: its number, or the first digits of its version.

    Raises:
        RegroundError: there is no truth yet.
        UsageError: none, or several, are meant; the message lists all.
    """
    all_versions = versions(workspace)
    if not all_versions:
        raise RegroundError(f"expected a truth in {workspace.url}, found none: run `reground truth` first.")
    matches = [v for v in all_versions if name == str(v.number)] or [
        v for v in all_versions if v.version.startswith(name)
    ]
    if len(matches) != 1:
        raise unknown("version of the truth", name, [f"{v.number} ({v.version})" for v in all_versions])
    return matches[0]


def diff(workspace: Workspace, before: str, after: str) -> Diff:
    """What changed from one truth to another, and why.

    Reasons: ``votes`` (the image has other votes), ``decisions`` (curators decided other labels of it, or decided
    otherwise), ``original`` (its original label is another), ``method`` and ``settings`` (of the whole truth), and
    where none of these differ ``other images`` (the method weighs people by all their votes, or the vocabulary
    changed).

    Args:
        workspace: with both.
        before: see `find`.
        after: likewise.
    """
    pair = find(workspace, before), find(workspace, after)
    old, new = (workspace.read(f"truths/{version.version}").set_index("image_id") for version in pair)
    settings = {
        name: (pair[0].settings.get(name), pair[1].settings.get(name))
        for name in sorted(pair[0].settings.keys() | pair[1].settings.keys())
        if pair[0].settings.get(name) != pair[1].settings.get(name)
    }
    whole = [
        name
        for name in ("method", "settings")
        if (name in settings if name == "method" else settings.keys() - {"method"})
    ]
    changes = list(_changes(old, new, whole))
    return Diff(*pair, settings, len(old.index.union(new.index)) - len(changes), changes)


def _changes(old: pd.DataFrame, new: pd.DataFrame, whole: list[str]) -> Iterator[Change]:
    olds: dict[str, dict[str, Any]] = old.to_dict("index")  # type: ignore[assignment]
    news: dict[str, dict[str, Any]] = new.to_dict("index")  # type: ignore[assignment]
    for image_id in sorted(olds.keys() | news.keys()):
        before, after = olds.get(image_id), news.get(image_id)
        shown = [None if row is None else {name: _plain(row[name]) for name in SHOWN} for row in (before, after)]
        if _compared(shown[0]) != _compared(shown[1]):
            yield Change(image_id, shown[0], shown[1], _why(before, after, whole))


def _compared(shown: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Labels in another order, that of their confidence, are the same labels."""
    return None if shown is None else {**shown, "labels": shown["labels"] and sorted(shown["labels"])}


def _why(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, whole: list[str]) -> list[str]:
    if before is None or after is None:
        return ["new image" if before is None else "image gone"]
    own = [] if before["vote_fingerprint"] == after["vote_fingerprint"] else ["votes"]
    if _decided(before) != _decided(after):
        own.append("decisions")
    if _plain(before["original"]) != _plain(after["original"]):
        own.append("original")
    return [*own, *whole] or ["other images"]


def _stage(row: Mapping[str, Any] | None) -> str:
    return "-" if row is None else row["outcome"] or row["state"]


def _decided(row: Mapping[str, Any]) -> dict[int, float]:
    """Label that a curator decided -> 1 or 0."""
    confidence = dict(zip(_plain(row["judged"]), _plain(row["confidence"]), strict=True))
    return {label: confidence[label] for label in _plain(row["decided"])}


def _plain(value: Any) -> Any:
    """Of Arrow's and pandas' kinds of nothing, None; of arrays, lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return None if pd.isna(value) else value
