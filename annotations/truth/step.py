"""Truth: votes -> one row an image.

Reads ``images``, ``original_labels``, ``classes``, ``votes``, ``annotators`` and ``decisions``; writes ``truth`` and
``vote_policy``, the rule by which votes count. Every later count of votes reads that rule.

Earlier versions stay in the workspace: see `reground.annotations.truth.versions`.

Every image with an index entry, an original label or a vote has a row: images need not be at hand. A
method (`reground.annotations.truth.methods`) gives each label its confidence, and
`reground.tasks.kernels.label_state` says which labels are decided and which images settled; CONTAINS votes give
each image its routing, CLASSIFY votes its main label and objects (Tsipras et al. 2020, sections 3 and 4).
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import asdict
from typing import Final

import numpy as np
import pyarrow.compute as pc

from reground.annotations.truth import strata
from reground.annotations.truth.fingerprint import COLUMNS as FINGERPRINT_COLUMNS
from reground.annotations.truth.fingerprint import vote_fingerprint
from reground.annotations.truth.labels import label_rows, records, unreviewed
from reground.annotations.truth.objects import COLUMNS as OBJECT_COLUMNS
from reground.annotations.truth.objects import Objects, answers, find_objects
from reground.annotations.truth.settings import TruthSettings, faults
from reground.annotations.truth.versions import keep_version
from reground.tasks.errors import unknown
from reground.tasks.text import count_of
from reground.tasks.votes import (
    CLASSIFY,
    GOLDEN_SET,
    LABEL_STUDIO,
    POLICY_TABLE,
    RECORDED,
    SIMULATED,
    VOTE_COLUMNS,
    VoteArrays,
    encode,
    excluded,
    read_decisions,
    read_votes,
    self_contradictions,
)
from reground.tasks.workspace import Output, Shard, Step, Workspace, digest

log = logging.getLogger(__name__)

READS: Final = ("images", "original_labels", "classes", "votes", "gold", "decisions")
SOURCES: Final = frozenset((LABEL_STUDIO, RECORDED, SIMULATED, *GOLDEN_SET))
"""Sources that may be held out before they have any vote."""
EXAMPLES: Final = 3
"""Labels that a warning names."""


def plan(workspace: Workspace, settings: TruthSettings) -> list[Shard]:
    """One shard: votes on one image may come from any number of rounds.

    Raises:
        UsageError: no vote is of a source that is held out.
        RegroundError: there are neither images nor votes.
    """
    if not workspace.parts("votes"):
        workspace.require("images", "index IMAGES")
    _check_sources(workspace, settings.policy.held_out_sources)
    size = sum(part.rows for table in ("images", "original_labels") for _, part in workspace.parts(table))
    digests = (*(workspace.table_digest(name) for name in READS), digest(*excluded(workspace, settings.policy)))
    return [Shard("all", digests, {}, size)]


def _check_sources(workspace: Workspace, hold_out: Collection[str]) -> None:
    """A source that nobody knows would hold out nothing."""
    own = set(hold_out) - SOURCES
    if own:
        present = {source for _, part in workspace.parts("votes") for (_, source), _ in part.counts}
        for name in sorted(own - present):
            raise unknown("source of votes (truth.hold_out)", name, present | SOURCES)


def work(workspace: Workspace, settings: TruthSettings, shard: Shard) -> Output:
    """A row for every image, judged or not."""
    images = strata.known_images(workspace)
    columns = list(dict.fromkeys((*VOTE_COLUMNS, *OBJECT_COLUMNS, *FINGERPRINT_COLUMNS)))
    votes = read_votes(workspace, settings.policy, columns)
    classify = votes.filter(pc.field("question") == CLASSIFY)
    decisions = read_decisions(workspace)
    objects = {image_id: find_objects(submissions) for image_id, submissions in answers(classify, decisions)}
    fingerprints = vote_fingerprint(votes)
    animals = strata.animal_classes(workspace)
    arrays = encode(votes)
    _warn_of_contradictions(arrays)
    labels = label_rows(arrays, images, animals, settings, decisions)
    rows = [
        {
            **row,
            **asdict(objects.get(row["image_id"], Objects())),
            "vote_fingerprint": fingerprints.get(row["image_id"], ""),
        }
        for row in (labels.get(str(image["image_id"])) or unreviewed(image, settings) for image in records(images))
    ]
    return Output({"truth": rows, POLICY_TABLE: [settings.policy.row()]})


def _warn_of_contradictions(votes: VoteArrays) -> None:
    """Say on which labels a person contradicts themselves: both votes are kept."""
    pairs = np.flatnonzero(self_contradictions(votes))
    if len(pairs):
        examples = [f"{votes.image_ids[votes.image[n]]}, class {votes.label[n]}" for n in pairs[:EXAMPLES].tolist()]
        more = "; ..." if len(pairs) > len(examples) else ""
        log.warning(
            "one person said both yes and no to %s of images, as to two questions; both votes are kept, and the person "
            "counts once: %s%s",
            count_of(len(pairs), "label"),
            "; ".join(examples),
            more,
        )


STEP = Step("truth", 9, TruthSettings, plan, work, finalize=keep_version, check=faults)
