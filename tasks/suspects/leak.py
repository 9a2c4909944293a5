"""Leaks: photographs of this workspace that occur in another one, such as evaluation images in a training set.

Reads the tables ``images``, ``classes``, ``facts`` and ``features/MODEL`` of the other workspace, and writes nothing
there. Matches are those of duplicates.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.facts import require_facts, why_no_facts
from reground.tasks.features import feature_models, load_features
from reground.tasks.kernels.nearest_neighbours import nearest_neighbours, normalise
from reground.tasks.kernels.picture_match import Likeness
from reground.tasks.schema import ClassIdx
from reground.tasks.suspects.duplicate import MAX_TWINS, SAME, match_of
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.pictures import Pictures, load_pictures
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.suspects.twins import Ints, confirmed, cosine_threshold, hash_candidates, nearest
from reground.tasks.workspace import Workspace

NEIGHBOURS: Final = 5
"""Of each image in the other workspace that may be the same picture."""


class Labels(NamedTuple):
    """Classes of one workspace, by index."""

    names: dict[int, str]
    wnids: dict[int, frozenset[str]]

    def same(self, label: int, others: Labels, other: int) -> bool:
        """Whether two classes are one: by WordNet ids where both have some, else by name."""
        a, b = self.wnids.get(label, frozenset()), others.wnids.get(other, frozenset())
        return bool(a & b) if a and b else self.name(label).casefold() == others.name(other).casefold()

    def name(self, label: int) -> str:
        return self.names.get(label, str(label))


@dataclass(frozen=True)
class Match:
    """An image of another workspace that is the same picture."""

    address: str
    pictures: Pictures
    labels: Labels
    row: int
    likeness: Likeness


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each image that occurs in another workspace; those with another label there come first."""
    own, labels = load_pictures(workspace, facts=True), _labels(workspace)
    matches: dict[int, list[Match]] = defaultdict(list)
    for address in settings.against:
        other = open_other(workspace, address)
        pictures, other_labels = load_pictures(other, facts=True), _labels(other)
        for row, place, likeness in _matches(own, pictures, settings):
            matches[row].append(Match(address, pictures, other_labels, place, likeness))
    return [_suspect(own, labels, row, of_row) for row, of_row in sorted(matches.items())]


def open_other(workspace: Workspace, address: str) -> Workspace:
    """Another workspace as it is now.

    Raises:
        UsageError: it is this one, or there is none.
        RegroundError: it is damaged, or has no images or facts; the message names the command to run there.
    """
    other = Workspace(address)
    if other.root == workspace.root or (
        other.is_local and workspace.is_local and Path(other.root).resolve() == Path(workspace.root).resolve()
    ):
        raise UsageError(f"expected another workspace to compare with, got {address}: it is this one.")
    if not other.exists():
        raise UsageError(
            f"expected a workspace to compare with at {address}, found none: make it, "
            f"`reground index IMAGES -w {other.shell_url}`, then `reground facts -w {other.shell_url}`."
        )
    other = other.snapshot()
    other.require("images", "index IMAGES")
    require_facts(other)
    return other


def _matches(own: Pictures, other: Pictures, settings: SuspectSettings) -> Iterator[tuple[int, int, Likeness]]:
    """(own row, other's row, likeness) of one picture, each pair once."""
    exact = set(_exact(own, other))
    yield from ((row, place, SAME) for row, place in sorted(exact))
    model = common_model(own.workspace, other.workspace, settings)

    def candidates() -> Iterator[tuple[Ints, Ints, Ints]]:
        if model:
            yield _by_features(own, other, model)
        yield from hash_candidates(own, other, parts=not model)

    for pair in confirmed(own, other, *nearest(candidates())):
        if (pair.row, pair.other) not in exact:
            yield pair


def _exact(own: Pictures, other: Pictures) -> Iterator[tuple[int, int]]:
    for digests, others in ((own.file_digests, other.file_digests), (own.pixel_digests, other.pixel_digests)):
        rows_of = defaultdict[str, list[int]](list)
        for place, digest in enumerate(others):
            rows_of[digest].append(place)
        yield from ((row, place) for row, digest in enumerate(digests) if digest for place in rows_of.get(digest, ()))


def common_model(workspace: Workspace, other: Workspace, settings: SuspectSettings) -> str:
    """A model whose features both have; empty: there is none."""
    common = [name for name in feature_models(workspace) if name in feature_models(other)]
    if settings.features:
        return settings.features if settings.features in common else ""
    return common[0] if common else ""


def _by_features(own: Pictures, other: Pictures, model: str) -> tuple[Ints, Ints, Ints]:
    """The nearest images of the other workspace whose features are nearly the same, at the distance -1."""
    ours, theirs = load_features(own.workspace, model), load_features(other.workspace, model)
    if ours.vectors.shape[1] != theirs.vectors.shape[1]:
        raise RegroundError(
            f"expected features of one model in both workspaces, got features/{model} of {ours.vectors.shape[1]:,} "
            f"numbers in {own.workspace.url} and of {theirs.vectors.shape[1]:,} in {other.workspace.url}."
        )
    places, cosines = nearest_neighbours(normalise(ours.vectors), normalise(theirs.vectors), NEIGHBOURS)
    near = cosines >= cosine_threshold(cosines[:, 1] if cosines.shape[1] > 1 else np.zeros(0))
    queries, columns = np.nonzero(near)
    row_of, other_row_of = ({name: row for row, name in enumerate(one.image_ids)} for one in (own, other))
    pairs = [
        (row_of[ours.image_ids[query]], other_row_of[theirs.image_ids[place]])
        for query, place in zip(queries.tolist(), places[queries, columns].tolist(), strict=True)
        if ours.image_ids[query] in row_of and theirs.image_ids[place] in other_row_of
    ]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1], np.full(len(ends), -1, np.int64)


def _suspect(own: Pictures, labels: Labels, row: int, matches: Sequence[Match]) -> Suspect:
    label = own.class_idx[row]
    differ = [not labels.same(label, one.labels, one.pictures.class_idx[one.row]) for one in matches]
    order = sorted(range(len(matches)), key=lambda n: (not differ[n], -matches[n].likeness.correlation, n))
    twins = [_twin(own, row, matches[n]) for n in order[:MAX_TWINS]]
    proposed = Counter(
        here
        for one, other_label in zip(matches, differ, strict=True)
        if other_label
        for here in labels.names
        if labels.same(here, one.labels, one.pictures.class_idx[one.row])
    )
    return Suspect(
        own.image_ids[row],
        score=any(differ) + twins[0]["correlation"],
        flagged=True,
        related=[twin["image_id"] for twin in twins],
        class_idx=ClassIdx(label) if any(differ) else None,
        proposed=[ClassIdx(here) for here, _ in sorted(proposed.items(), key=lambda one: (-one[1], one[0]))],
        evidence={
            **{name: twins[0][name] for name in ("against", "match", "correlation", "mirrored", "cropped")},
            **{"label": labels.name(label), "split": own.splits[row], "matches": len(matches), "twins": twins},
        },
    )


def _twin(own: Pictures, row: int, match: Match) -> dict[str, Any]:
    return {
        "image_id": match.pictures.image_ids[match.row],
        "against": match.address,
        "match": match_of(own, row, match.pictures, match.row),
        "correlation": round(match.likeness.correlation, 6),
        "mirrored": match.likeness.mirrored,
        "cropped": match.likeness.cropped,
        "label": match.labels.name(match.pictures.class_idx[match.row]),
        "split": match.pictures.splits[match.row],
    }


def _labels(workspace: Workspace) -> Labels:
    rows = workspace.read_arrow("classes", ["class_idx", "name", "wnids"]).to_pylist()
    return Labels(
        {row["class_idx"]: row["name"] for row in rows}, {row["class_idx"]: frozenset(row["wnids"]) for row in rows}
    )


def _missing(workspace: Workspace, settings: SuspectSettings) -> str:
    if not settings.against:
        return "there is no workspace to compare with: give `--against OTHER_WORKSPACE`"
    for address in settings.against:
        open_other(workspace, address)
    return why_no_facts(workspace)


def _tables(workspace: Workspace, other: Workspace, settings: SuspectSettings) -> tuple[str, ...]:
    model = common_model(workspace, other, settings)
    return ("images", "classes", "facts", *([f"features/{model}"] if model else []))


def _inputs(workspace: Workspace, settings: SuspectSettings) -> Iterator[str]:
    for address in settings.against:
        other = open_other(workspace, address)
        for table in _tables(workspace, other, settings):
            yield f"{address} {table} {other.table_digest(table)} {workspace.table_digest(table)}"


def _models(workspace: Workspace, settings: SuspectSettings) -> list[str]:
    others = [open_other(workspace, address) for address in settings.against]
    return sorted({model for other in others if (model := common_model(workspace, other, settings))})


METHOD = Method(
    tables=lambda workspace, settings: ("classes", "facts"),
    find=find,
    missing=_missing,
    limit="A copy that is rotated, strongly cropped or painted over is not found, and two photographs of one scene, "
    "taken a moment apart, may count as one.",
    models=_models,
    inputs=lambda workspace, settings: tuple(_inputs(workspace, settings)),
    judges_all=True,
)
