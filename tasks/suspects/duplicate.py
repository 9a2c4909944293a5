"""Duplicates: photographs that are one picture. Two labels of one picture are a label error that needs no person.

Equal files and equal pixels are duplicates for certain. Others are candidates by their hash or their features, the
mirror image included, and duplicates if their thumbnails correlate, as a whole or one as a part of the other.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from reground.tasks.facts import why_no_facts
from reground.tasks.kernels.picture_match import Likeness
from reground.tasks.schema import ClassIdx, family
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.pictures import Pictures, load_pictures
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.suspects.twins import Ints, Pair, confirmed, cosine_threshold, hash_candidates, nearest
from reground.tasks.workspace import Workspace

log = logging.getLogger(__name__)

MAX_TWINS: Final = 20
"""Twins that one row names, those with another label first; ``group_size`` counts all."""
SAME: Final = Likeness(1.0)


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each image that has a twin; those of two labels have the higher score."""
    lacks = why_no_facts(workspace)
    if lacks:
        log.warning("duplicates: %s; until then only files of equal bytes are found", lacks)
    pictures = load_pictures(workspace, facts=not lacks)
    contents = pictures.contents()
    pairs = [] if lacks else _near(pictures, contents, neighbour_table(workspace, settings))
    return list(_suspects(pictures, _Groups(pictures, contents, pairs)))


def neighbour_table(workspace: Workspace, settings: SuspectSettings) -> str:
    """The table of neighbours by features; empty: there is none."""
    names = [name for name in workspace.tables() if family(name) == "neighbours"]
    wanted = f"neighbours/{settings.features}"
    return wanted if wanted in names else "" if settings.features or not names else names[0]


def _near(pictures: Pictures, contents: Ints, neighbours: str) -> list[Pair]:
    """Pairs of different pixels that are one picture, one image of each content."""
    _, representatives = np.unique(contents, return_index=True)
    first = representatives[contents]  # of each image
    if not neighbours:
        log.info("duplicates: crops are found by hashes; features (`reground predict --features`) find more of them")
    candidates = itertools.chain(
        _neighbours(pictures, neighbours) if neighbours else (), hash_candidates(pictures, pictures, not neighbours)
    )

    def between_contents() -> Iterator[tuple[Ints, Ints, Ints]]:
        for rows, others, distance in candidates:
            low, high = np.minimum(first[rows], first[others]), np.maximum(first[rows], first[others])
            keep = low < high
            yield low[keep], high[keep], distance[keep]

    return list(confirmed(pictures, pictures, *nearest(between_contents())))


def _neighbours(pictures: Pictures, table: str) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Pairs whose features are nearly the same, at the distance -1: before all that hashes find."""
    row_of = {name: row for row, name in enumerate(pictures.image_ids)}
    rows = pictures.workspace.read_arrow(table, ["image_id", "neighbours", "cosine"]).to_pylist()
    threshold = cosine_threshold(np.array([row["cosine"][1] for row in rows if len(row["cosine"]) > 1]))
    pairs = [
        (row_of[row["image_id"]], row_of[name])
        for row in rows
        for name, cosine in zip(row["neighbours"], row["cosine"], strict=True)
        if cosine >= threshold and row["image_id"] in row_of and name in row_of
    ]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    yield ends[:, 0], ends[:, 1], np.full(len(ends), -1, np.int64)


class _Groups:
    """Contents that are one picture.

    Args:
        pictures: N images.
        contents: ``(N,)``, the content of each.
        pairs: of images of different contents.
    """

    def __init__(self, pictures: Pictures, contents: Ints, pairs: Sequence[Pair]) -> None:
        self.contents = contents.tolist()
        self.members: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row, content in enumerate(self.contents):
            self.members[content][pictures.class_idx[row]].append(row)
        self.near: dict[int, list[tuple[int, Likeness]]] = defaultdict(list)
        for pair in sorted(pairs, key=lambda one: (-one.likeness.correlation, one.row, one.other)):
            for one, other in ((pair.row, pair.other), (pair.other, pair.row)):
                self.near[self.contents[one]].append((self.contents[other], pair.likeness))
        self._find_groups()

    def around(self, content: int) -> list[tuple[int, Likeness]]:
        """A content, and those that are the same picture, the most alike first."""
        return [(content, SAME), *self.near.get(content, ())]

    def _find_groups(self) -> None:
        self.group: dict[int, int] = {}
        self.size: Counter[int] = Counter()
        for content in self.members:
            pending = [] if content in self.group else [content]
            while pending:
                one = pending.pop()
                if one not in self.group:
                    self.group[one] = content
                    self.size[content] += sum(map(len, self.members[one].values()))
                    pending += [other for other, _ in self.near.get(one, ())]


def _suspects(pictures: Pictures, groups: _Groups) -> Iterator[Suspect]:
    first = {}
    for row, content in enumerate(groups.contents):
        first.setdefault(groups.group[content], pictures.image_ids[row])
    for row, content in enumerate(groups.contents):
        size = groups.size[groups.group[content]]
        if size > 1:
            yield _suspect(pictures, groups, row, {"group": first[groups.group[content]], "group_size": size})


def _suspect(pictures: Pictures, groups: _Groups, row: int, group: dict[str, Any]) -> Suspect:
    content, label = groups.contents[row], pictures.class_idx[row]
    counts: Counter[int] = Counter()
    for other, _ in groups.around(content):
        counts.update({label: len(rows) for label, rows in groups.members[other].items()})
    others = [other for other, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if other != label]
    twins = [
        _twin(pictures, row, other, likeness)
        for other, likeness in itertools.islice(_twins(pictures, groups, row), MAX_TWINS)
    ]
    splits = {twin["split"] for twin in twins} | {pictures.splits[row]}
    return Suspect(
        pictures.image_ids[row],
        score=bool(others) + twins[0]["correlation"],
        flagged=bool(others) or len(splits) > 1,
        related=[twin["image_id"] for twin in twins],
        class_idx=ClassIdx(label) if others else None,
        proposed=[ClassIdx(other) for other in others],
        evidence={
            **{name: twins[0][name] for name in ("match", "correlation", "mirrored", "cropped")},
            **{"label": label, "split": pictures.splits[row], **group, "twins": twins},
        },
    )


def _twins(pictures: Pictures, groups: _Groups, row: int) -> Iterator[tuple[int, Likeness]]:
    """Images that are the same picture: those with another label first, then the most alike."""
    label = pictures.class_idx[row]
    for same_label in (False, True):
        for content, likeness in groups.around(groups.contents[row]):
            for of_label, rows in groups.members[content].items():
                if (of_label == label) == same_label:
                    yield from ((other, likeness) for other in rows if other != row)


def _twin(pictures: Pictures, row: int, other: int, likeness: Likeness) -> dict[str, Any]:
    return {
        "image_id": pictures.image_ids[other],
        "match": match_of(pictures, row, pictures, other),
        "correlation": round(likeness.correlation, 6),
        "mirrored": likeness.mirrored,
        "cropped": likeness.cropped,
        "label": pictures.class_idx[other],
        "split": pictures.splits[other],
    }


def match_of(a: Pictures, row: int, b: Pictures, other: int) -> str:
    """How two pictures are one: ``bytes``, ``pixels`` or ``near``."""
    if a.file_digests[row] and a.file_digests[row] == b.file_digests[other]:
        return "bytes"
    return "pixels" if a.pixel_digests[row] and a.pixel_digests[row] == b.pixel_digests[other] else "near"


METHOD = Method(
    tables=lambda workspace, settings: tuple(filter(None, ("facts", neighbour_table(workspace, settings)))),
    find=find,
    missing=lambda workspace, settings: "",
    limit="A copy that is rotated, strongly cropped or painted over is not found, and two photographs of one scene, "
    "taken a moment apart, may count as one.",
    models=lambda workspace, settings: tuple(filter(None, [neighbour_table(workspace, settings).partition("/")[2]])),
    judges_all=True,
)
