"""Truths made of a few votes, one after another."""

from __future__ import annotations

import json
from typing import Any

from reground.annotations.truth import step as truth
from reground.annotations.truth.step import TruthSettings
from reground.tasks.workspace import Output, Workspace, finish, retire, run_shard, todo
from tests.support.tables import vote


def five(image_id: str, answers: dict[int, int]) -> list[dict[str, Any]]:
    """Five people on each label, so many of whom said yes."""
    return [
        vote(image_id, label, f"p{n}", "yes" if n < yes else "no", "classify", main=n < yes and yes == 5, num_objects=1)
        for label, yes in answers.items()
        for n in range(5)
    ]


def settle(workspace: Workspace, votes: list[dict[str, Any]], settings: TruthSettings | None = None) -> str:
    """Put votes in place of those there were and make the truth; returns its version."""
    chosen = settings or TruthSettings()
    workspace.commit("people", "0000", json.dumps(votes)[:32], Output({"votes": votes}))
    plan = todo(truth.STEP, workspace, chosen)
    retire(truth.STEP, workspace, plan)
    for shard in plan.missing:
        run_shard(truth.STEP, workspace, chosen, shard)
    finish(truth.STEP, workspace, plan)
    return workspace.table_digest("truth")[:12]
