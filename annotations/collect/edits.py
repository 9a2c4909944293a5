"""Edits: the versions of an answer, where somebody else than its annotator changed it in Label Studio.

Label Studio keeps the last version only, and names who edited it last. So each pull keeps the version that it
collected before, and an edit by somebody else takes nothing away. It also forgets whose an answer is, once the
account is deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reground.annotations.collect.timestamps import to_utc
from reground.annotations.label_studio import Json

EDITOR_DELETED: Final = "editor_deleted"
"""Field of a version: the account of whoever edited it was deleted before it was collected."""


@dataclass(frozen=True)
class Edit:
    """An answer that somebody other than its annotator changed: the version before and after.

    ``before`` is None where the change came first and the answer was collected afterwards.
    """

    before: Json | None
    after: Json


def merge_versions(before: Iterable[Json], now: Iterable[Json]) -> list[Json]:
    """The answers of a task as they are now, each preceded by its versions before others edited it.

    Args:
        before: versions collected so far.
        now: annotations as Label Studio has them; one that it no longer has loses its versions.

    Examples:
        >>> given = {"id": 5, "completed_by": 1, "updated_by": 1, "updated_at": "10:00", "result": ["first"]}
        >>> edited = {**given, "updated_by": 2, "updated_at": "10:05", "result": ["second"]}
        >>> [version["result"] for version in merge_versions([given], [edited])]
        [['first'], ['second']]
        >>> merge_versions([given, edited], [edited]) == [given, edited]
        True

        Label Studio forgets the owner of an answer whose account is deleted:

        >>> [version["completed_by"] for version in merge_versions([given], [{**given, "completed_by": None}])]
        [1]

        It forgets the editor too, who is somebody else, as the annotator's account is still there:

        >>> later = {**given, "updated_by": None, "updated_at": "10:10", "result": ["third"]}
        >>> [editor(version) for version in merge_versions([given], [later])]
        [1, None]
    """
    versions = _by_id(before)
    merged: list[Json] = []
    for annotation in sorted(now, key=lambda annotation: annotation["id"]):
        earlier = versions.get(annotation["id"], [])
        if earlier and earlier[-1]["updated_at"] == annotation["updated_at"]:
            merged += earlier  # nothing new, but the account of its annotator or editor may be deleted since
            continue
        if earlier:
            annotation = _restore_people(earlier[-1], annotation)
        if earlier and editor(earlier[-1]) == editor(annotation):
            merged += [*earlier[:-1], annotation]
        else:
            merged += [*earlier, annotation]
    return merged


def own_versions(annotations: Iterable[Json]) -> list[Json]:
    """Of each answer the last version by its own annotator; none of an answer that only others' edits show."""
    own = (
        [version for version in versions if editor(version) == version["completed_by"]]
        for versions in _by_id(annotations).values()
    )
    return [versions[-1] for versions in own if versions]


def edits(annotations: Iterable[Json]) -> Iterator[Edit]:
    """The changes by others, in the order of the answers and of time."""
    for versions in _by_id(annotations).values():
        for before, after in zip([None, *versions], versions, strict=False):
            if editor(after) != after["completed_by"]:
                yield Edit(before, after)


def num_submissions(annotations: Sequence[Json]) -> int:
    """Number of answers, whatever the number of their versions."""
    return len({annotation["id"] for annotation in annotations})


def editor(annotation: Json) -> int | None:
    """User id of whoever made this version; None: somebody else than its annotator, whose account is deleted."""
    if annotation.get(EDITOR_DELETED):
        return None
    editor_id = annotation.get("updated_by")
    return annotation["completed_by"] if editor_id is None else editor_id


def update_key(annotation: Json) -> tuple[str, int]:
    """Sorts annotations by the time of their last change, oldest first."""
    return to_utc(annotation["updated_at"]), annotation["id"]


def _restore_people(before: Json, now: Json) -> Json:
    """The later version, with the annotator that Label Studio forgot, and whether it forgot another editor."""
    if now["completed_by"] is None:
        return {**now, "completed_by": before["completed_by"]}
    is_editor_deleted = now.get("updated_by") is None and before.get("updated_by") is not None
    return {**now, EDITOR_DELETED: True} if is_editor_deleted else now


def _by_id(annotations: Iterable[Json]) -> dict[int, list[Json]]:
    versions: dict[int, list[Json]] = defaultdict(list)
    for annotation in annotations:
        versions[annotation["id"]].append(annotation)
    return versions
