"""What is exported: the truth, image by image, with its photograph where there is one.

Reads ``truth``, ``vote_policy``, ``images`` and ``classes``. Two tables without pictures are held (some 300 bytes an
image); rows come a thousand at a time, and a photograph only while it is written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError
from reground.tasks.export.image import ExportImage, Photo, export_image
from reground.tasks.export.suspects import SuspectKind, fields, suspect_kinds, with_suspects
from reground.tasks.images import load_classes
from reground.tasks.votes import VotePolicy, excluded, labels_or_original, read_votes, truth_policy
from reground.tasks.workspace import Workspace

AT_ONCE: Final = 1000
PHOTO: Final = ("image_id", "uri", "class_idx", "width", "height", "sha256", "boxes", "split")
TRUTH: Final = (
    "image_id",
    "original",
    "labels",
    "undecided",
    "decided",
    "judged",
    "confidence",
    "main_label",
    "main_tied",
    "num_objects",
    "objects",
    "isolated",
    "votes",
    "sources",
    "routing",
    "state",
    "outcome",
    "method",
)


@dataclass
class LeftOut:
    """What an export lacks, and why."""

    rows: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    expected: list[str] = field(default_factory=list[str])
    """Reasons that somebody asked for: counted also where they concern no image."""

    def add(self, image_id: str, reason: str) -> None:
        self.rows.append((image_id, reason))

    def reasons(self) -> dict[str, int]:
        counts = dict.fromkeys(self.expected, 0)
        return counts | Counter(reason for _, reason in self.rows)


@dataclass(frozen=True)
class Dataset:
    """Everything an exporter reads.

    Attributes:
        workspace: for what only some formats want.
        whole: the truth, its columns `TRUTH` and those of `suspect_kinds`, by image_id; ``labels`` are the
            original one where not settled.
        truth: the same of the images in this export.
        images: their columns `PHOTO`.
        classes: rows of ``classes``, by class_idx.
        version: of the truth, 12 hexadecimal digits.
        policy: which votes count in the truth.
        suspect_kinds: that were looked for; ``truth`` has two columns of each.
        left_out: what the exporter writes down.
        notes: lines for the data card that the exporter writes down.
        front: front matter of the data card that only this format has.
    """

    workspace: Workspace
    whole: pa.Table
    truth: pa.Table
    images: pa.Table
    classes: list[dict[str, Any]]
    version: str
    policy: VotePolicy
    suspect_kinds: tuple[SuspectKind, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)
    notes: list[str] = field(default_factory=list[str])
    front: dict[str, Any] = field(default_factory=dict[str, Any])

    def __len__(self) -> int:
        return len(self.truth)

    def __iter__(self) -> Iterator[ExportImage]:
        place = pc.index_in(self.truth["image_id"], value_set=self.images["image_id"].combine_chunks())  # pyright: ignore[reportAttributeAccessIssue]
        suspect_columns = fields(self.suspect_kinds)
        for start in range(0, len(self.truth), AT_ONCE):
            photos = self.images.take(place.slice(start, AT_ONCE)).to_pylist()
            for row, photo in zip(self.truth.slice(start, AT_ONCE).to_pylist(), photos, strict=True):
                yield export_image(row, photo, suspect_columns)

    def with_photo(self, split: str | None = None) -> Iterator[tuple[ExportImage, Photo]]:
        """The images whose photograph is at hand, of one split or of all."""
        for image in self:
            if image.photo is not None and split in (None, image.photo.split):
                yield image, image.photo

    def splits(self) -> list[str]:
        return sorted(pc.unique(self.images["split"]).to_pylist())  # pyright: ignore[reportAttributeAccessIssue]

    @cached_property
    def names(self) -> dict[int, str]:
        """class_idx -> name."""
        return {row["class_idx"]: row["name"] for row in self.classes}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the step that made this truth; empty: not recorded."""
        versions = self.workspace.read("truth_versions", ["version", "settings"])
        found = versions.loc[versions["version"] == self.version, "settings"]
        return json.loads(str(found.iloc[0])) if len(found) else {}

    @cached_property
    def sources(self) -> list[str]:
        """Of the votes behind the truth."""
        return sorted(pc.unique(pc.list_flatten(self.whole["sources"])).to_pylist())  # pyright: ignore[reportAttributeAccessIssue]

    @cached_property
    def excluded(self) -> list[str]:
        """Annotators whose votes do not count."""
        return excluded(self.workspace, self.policy)

    def votes(self, columns: Sequence[str], question: str = "") -> pa.Table:
        """The votes that count, on one question or on all."""
        return read_votes(self.workspace, self.policy, columns, question)

    @cached_property
    def imagenet(self) -> dict[int, int]:
        """class_idx -> ImageNet's index, of the classes that are ImageNet's (by WordNet id)."""
        theirs = {wnid: row["class_idx"] for row in load_classes() for wnid in row["wnids"]}
        found = {
            row["class_idx"]: next((theirs[wnid] for wnid in row["wnids"] if wnid in theirs), -1)
            for row in self.classes
        }
        return {own: index for own, index in found.items() if index >= 0}


def load(workspace: Workspace) -> Dataset:
    """What there is to export.

    Raises:
        RegroundError: there is no truth yet, or it was made without recording which votes count.
    """
    workspace.require("truth", "truth")
    images, truth = workspace.read_arrow("images", PHOTO), workspace.read_arrow("truth", TRUTH)
    kinds = suspect_kinds(workspace)
    truth = with_suspects(workspace, _with_labels(truth.sort_by("image_id"), images), kinds)
    data = Dataset(
        workspace,
        truth,
        truth,
        images,
        workspace.read_arrow("classes", ("class_idx", "name", "wnids", "gloss")).sort_by("class_idx").to_pylist(),
        workspace.table_digest("truth")[:12],
        truth_policy(workspace),
        kinds,
    )
    _check_labels(data)
    for image_id in missing(images, truth):
        data.left_out.add(image_id, "indexed after the truth was made: run `reground truth` again")
    return data


def _with_labels(truth: pa.Table, images: pa.Table) -> pa.Table:
    """The truth with a list of labels for every image; an image indexed since has the label that it came with."""
    place = pc.index_in(truth["image_id"], value_set=images["image_id"].combine_chunks())  # pyright: ignore[reportAttributeAccessIssue]
    original = pc.coalesce(truth["original"], images["class_idx"].take(place.combine_chunks()))  # pyright: ignore[reportAttributeAccessIssue]
    truth = truth.set_column(truth.column_names.index("original"), "original", original)
    return truth.set_column(truth.column_names.index("labels"), "labels", labels_or_original(truth))


def _check_labels(data: Dataset) -> None:
    """Raises:
    RegroundError: the truth speaks of a class that there is no more.
    """
    used = {*pc.unique(pc.list_flatten(data.truth["labels"])).to_pylist()}  # pyright: ignore[reportAttributeAccessIssue]
    for column in ("main_label", "original"):
        used |= {*pc.unique(data.truth[column]).to_pylist()}  # pyright: ignore[reportAttributeAccessIssue]
    strange = sorted(used - {None} - data.names.keys())
    if strange:
        raise RegroundError(
            f"expected the labels in the truth to be among the {len(data.names):,} classes, found "
            f"{', '.join(map(str, strange[:5]))}: the classes have changed. Run `reground truth` again."
        )


def missing(of: pa.Table, there: pa.Table) -> list[str]:
    """The ids of images that are in one table and not in the other."""
    known = pc.is_in(of["image_id"], value_set=there["image_id"].combine_chunks())  # pyright: ignore[reportAttributeAccessIssue]
    return of["image_id"].filter(pc.invert(known)).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
