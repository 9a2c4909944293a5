"""Bridges: photographs that are blends of two others, pixel by pixel.

Poison of unlabeled data (Carlini 2021, arXiv 2105.01622): a chain of blends from a labelled picture to a target, along
which semi-supervised training carries the label. Thumbnails of the facts are compared, at 24 x 24 pixels: a blend is
one at any size, and the mean of four pixels is less changed by compression than one of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from reground.tasks.facts import why_no_facts
from reground.tasks.kernels.collinear import between_neighbours, outer_ends
from reground.tasks.kernels.fact_faults import UNIFORM
from reground.tasks.schema import ImageId
from reground.tasks.suspects.method import Method, Suspect
from reground.tasks.suspects.pictures import Grey, thumbnail_blocks
from reground.tasks.suspects.settings import SuspectSettings
from reground.tasks.workspace import Workspace

RESIDUAL: Final = 0.1
"""Distance from the line between two neighbours, over theirs, up to which a picture is flagged."""


def find(workspace: Workspace, settings: SuspectSettings) -> list[Suspect]:
    """A suspect for each photograph that lies between two others of its nearest."""
    image_ids, vectors = _load(workspace)
    line = between_neighbours(vectors)
    flagged = line.residual <= RESIDUAL
    ends = outer_ends(line, vectors, flagged)
    return [
        Suspect(
            image_ids[row],
            score=1 - float(line.residual[row]),
            flagged=bool(flagged[row]),
            threshold=1 - RESIDUAL,
            related=[image_ids[end] for end in ends[row].tolist()],
            evidence={
                "residual": round(float(line.residual[row]), 6),
                "share": round(float(line.share[row]), 6),
                "between": [image_ids[end] for end in line.ends[row].tolist()],
            },
        )
        for row in np.flatnonzero(np.isfinite(line.residual)).tolist()
    ]


def _load(workspace: Workspace) -> tuple[list[ImageId], npt.NDArray[np.float32]]:
    """Ids, ascending, and pixels ``(N, 576)`` of the photographs that are not of one grey: those are blends of any two
    others of one grey."""
    wanted = set(workspace.read_arrow("images", ["image_id"])["image_id"].to_pylist())
    ids: list[str] = []
    blocks: list[npt.NDArray[np.float32]] = [np.zeros((0, 576), np.float32)]
    for names, thumbnails in thumbnail_blocks(workspace):
        vectors = _pixels(thumbnails)
        rows = [row for row, name in enumerate(names) if name in wanted and vectors[row].std() > UNIFORM]
        ids += [names[row] for row in rows]
        blocks.append(vectors[rows])
    order = np.argsort(np.array(ids, object), kind="stable")
    return [ImageId(ids[row]) for row in order.tolist()], np.concatenate(blocks)[order]


def _pixels(thumbnails: Grey) -> npt.NDArray[np.float32]:
    """``(N, 576)``: means of 2 x 2 pixels."""
    count, side, _ = thumbnails.shape
    squares = thumbnails.reshape(count, side // 2, 2, side // 2, 2)
    return squares.mean(axis=(2, 4), dtype=np.float32).reshape(count, -1)


METHOD = Method(
    tables=lambda workspace, settings: ["facts"],
    find=find,
    missing=lambda workspace, settings: why_no_facts(workspace),
    limit="A chain that is bent, or blended in the space of a network, passes; frames of a film that fades look like "
    "a chain.",
)
