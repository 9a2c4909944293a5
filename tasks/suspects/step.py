"""Suspects: the images that a person should look at first, by kind.

Reads what its methods read (see `reground.tasks.suspects.registry`) and ``truth``; writes ``suspects`` and
``suspect_scores``. No picture is opened, and no image is dropped by a score: suspects order what people see.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from reground.tasks.errors import RegroundError
from reground.tasks.schema import ImageId, ImageState, Outcome, SuspectRow
from reground.tasks.suspects.method import Suspect
from reground.tasks.suspects.registry import kind_problems, method, plugin_args
from reground.tasks.suspects.scores import score_row
from reground.tasks.suspects.settings import DEFAULT, SuspectSettings
from reground.tasks.workspace import Fault, Output, Shard, Step, Workspace, refused

VOTES, DECISION = "votes", "decision"
"""The closed list of ``suspects.settled_by``."""

log = logging.getLogger(__name__)


def faults(settings: SuspectSettings) -> Iterator[Fault]:
    """Kinds that nobody finds, and addresses that no workspace can have."""
    yield from (Fault("find", problem) for problem in kind_problems(settings.find))
    for address in settings.against:
        yield from refused("against", Workspace, address)


def plan(workspace: Workspace, settings: SuspectSettings) -> list[Shard]:
    """One shard for each kind; none in a workspace of votes alone, where no kind was asked for.

    Raises:
        RegroundError: a kind was asked for and there are no images, or it lacks a table; the message says which
            command makes it.
    """
    shards: list[Shard] = []
    requested = (*settings.find, *(("leak",) if settings.against else ()))
    if requested:
        workspace.require("images", "index IMAGES")
    elif "images" not in workspace.tables():
        return shards
    for kind in dict.fromkeys((*(settings.find or DEFAULT), *requested)):
        lacks = method(kind).missing(workspace, settings)
        if lacks and kind in requested:
            raise RegroundError(f"cannot find suspects of the kind '{kind}': {lacks}")
        if lacks:
            log.info("suspects of the kind '%s' are left out: %s", kind, lacks)
            continue
        shards.append(kind_shard(workspace, settings, kind))
    return shards


def kind_shard(workspace: Workspace, settings: SuspectSettings, kind: str) -> Shard:
    """The shard of one kind."""
    found_by = method(kind)
    tables = ("images", "truth", *found_by.tables(workspace, settings))
    inputs = (*map(workspace.table_digest, tables), *found_by.inputs(workspace, settings))
    return Shard(kind, inputs, plugin_args(kind))


def work(workspace: Workspace, settings: SuspectSettings, shard: Shard) -> Output:
    """All suspects of one kind, the most suspect first."""
    settled = _settled(workspace)
    kind, found_by = shard.id, method(shard.id)
    models = ",".join(found_by.models(workspace, settings))
    suspects = sorted(found_by.find(workspace, settings), key=lambda one: (-one.score, one.image_id, *one.related))
    rows = [_row(kind, n, one, models, settled.get(one.image_id)) for n, one in enumerate(suspects, start=1)]
    image_ids = [ImageId(image_id) for image_id in workspace.read("images", ["image_id"])["image_id"]]
    scores = score_row(kind, found_by.faults, suspects, image_ids, _outcomes(workspace))
    return Output({"suspects": rows, "suspect_scores": [scores] if scores else []})


def _outcomes(workspace: Workspace) -> dict[ImageId, Outcome]:
    """What people decided of the original label of each settled image that has one."""
    truth = workspace.read("truth", ["image_id", "outcome"]).dropna()
    return {
        ImageId(image_id): Outcome(outcome)
        for image_id, outcome in zip(truth["image_id"], truth["outcome"], strict=True)
        if outcome != Outcome.LABELLED
    }


def _settled(workspace: Workspace) -> dict[ImageId, str]:
    """Settled image -> what settled it."""
    truth = workspace.read("truth", ["image_id", "state", "decided"])
    settled = truth[truth["state"] == ImageState.SETTLED]
    return {
        ImageId(image_id): DECISION if len(decided) else VOTES
        for image_id, decided in zip(settled["image_id"], settled["decided"], strict=True)
    }


def _row(kind: str, rank: int, suspect: Suspect, models: str, settled_by: str | None) -> SuspectRow:
    return {
        "kind": kind,
        "rank": rank,
        "image_id": suspect.image_id,
        "score": suspect.score,
        "flagged": suspect.flagged,
        "threshold": suspect.threshold,
        "related": list(suspect.related),
        "class_idx": suspect.class_idx,
        "proposed": list(suspect.proposed),
        "model": models,
        "evidence": json.dumps(suspect.evidence, sort_keys=True),
        "settled_by": settled_by,
    }  # type: ignore[typeddict-item]


STEP = Step(
    "suspects",
    3,
    SuspectSettings,
    plan,
    work,
    check=faults,
    execution_only=frozenset({"find", "against"}),
    idle="no table exists in which suspects could be found",
)
