"""Suspects in an export: two columns of the truth for each kind that was looked for, and what the data card says.

Reads ``suspects``. A score drops no image: leaving suspects out is what somebody chose (`--without-suspects`).
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow registers its compute functions when it is imported.

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reground.tasks.errors import RegroundError
from reground.tasks.suspects import method, recorded_kinds, why_outdated
from reground.tasks.workspace import Workspace

REASON: Final = "suspect of the kind {}, and nobody has decided"
"""Why a flagged image that is not settled is left out where somebody wants none of its kind."""


@dataclass(frozen=True)
class SuspectKind:
    """A kind of suspects that was looked for.

    Attributes:
        name: of the kind.
        column: of the truth: whether the kind's rule flags the image; null: not known.
        score: column of the truth: the score, higher is more suspect; null: the image has none.
        warning: why the suspects may be out of date; empty: they are not.
    """

    name: str
    column: str
    score: str
    warning: str

    @property
    def reason(self) -> str:
        return REASON.format(self.name)


def suspect_kinds(workspace: Workspace) -> tuple[SuspectKind, ...]:
    """All kinds that were looked for in a workspace, by name."""
    names = {name: f"suspect_{re.sub(r'[^A-Za-z0-9]', '_', name)}" for name in recorded_kinds(workspace)}
    return tuple(
        SuspectKind(name, column, f"{column}_score", why_outdated(workspace, name)) for name, column in names.items()
    )


def with_suspects(workspace: Workspace, truth: pa.Table, kinds: Sequence[SuspectKind]) -> pa.Table:
    """The truth with the columns of each kind.

    An image without a row is no suspect of a kind that judges all images, as far as its suspects are up to date and
    the image is indexed; else it is not known whether it is one.
    """
    rows = workspace.read_arrow("suspects", ["kind", "image_id", "flagged", "score"])
    indexed = workspace.read_arrow("images", ["image_id"])["image_id"].combine_chunks()
    is_indexed = pc.is_in(truth["image_id"], value_set=indexed)
    for kind in kinds:
        of_kind = rows.filter(pc.field("kind") == kind.name).group_by("image_id")
        best = of_kind.aggregate([("flagged", "max"), ("score", "max")])
        place = pc.index_in(truth["image_id"], value_set=best["image_id"].combine_chunks()).combine_chunks()
        flagged = best["flagged_max"].take(place)
        if _judges_all(kind):
            flagged = pc.coalesce(flagged, pc.if_else(is_indexed, pa.scalar(False), pa.scalar(None, pa.bool_())))
        truth = truth.append_column(kind.column, flagged)
        truth = truth.append_column(kind.score, best["score_max"].take(place))
    return truth


def _judges_all(kind: SuspectKind) -> bool:
    try:
        return not kind.warning and method(kind.name).judges_all
    except RegroundError:  # of a plugin that is not installed here
        return False


def suspect_notes(kinds: Sequence[SuspectKind], without: Sequence[str], truth: pa.Table) -> Iterator[str]:
    """What the data card says.

    Args:
        kinds: that were looked for.
        without: kinds whose suspects are left out.
        truth: of the images in the export.
    """
    for kind in kinds:
        is_flagged = truth[kind.column]
        yield (
            f"{kind.column}: {pc.sum(is_flagged).as_py() or 0:,} images in this export are flagged, "
            f"{is_flagged.null_count:,} were not judged; {kind.score}: higher is more suspect"
        )
    yield from (f"{kind.column}: {kind.warning}" for kind in kinds if kind.warning)
    if without:
        yield (
            f"whoever made this export left out flagged images that people have not settled, of the kinds "
            f"{', '.join(without)} (--without-suspects): what remains is no random sample of the images"
        )


def fields(kinds: Sequence[SuspectKind]) -> Mapping[str, tuple[str, str]]:
    """Column -> its type, ``bool`` or ``float64``, and its meaning."""
    return {
        name: value
        for kind in kinds
        for name, value in (
            (kind.column, ("bool", f"whether it is flagged as a suspect of the kind {kind.name}; null: not known")),
            (kind.score, ("float64", f"score as a suspect of the kind {kind.name}, higher is more; null: none")),
        )
    }
