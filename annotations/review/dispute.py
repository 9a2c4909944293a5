"""Dispute: put what annotators disagree about to a curator.

Reads ``votes``, ``decisions``, ``truth``, ``gold``, ``images`` and ``classes``; writes ``questions``. It can be
killed at any moment and run again, as any other push.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reground.annotations.label_studio import with_retry
from reground.annotations.review.connection import connect
from reground.annotations.rounds import (
    ReviewRound,
    ReviewSettings,
    create_tasks,
    find_disputes,
    has_voted,
    normalize_email,
    plan_decisions,
    reconcile,
    update_users,
)
from reground.tasks.errors import UsageError
from reground.tasks.schema import AnnotatorId
from reground.tasks.votes import (
    DECIDE,
    DEFAULT_POLICY,
    VOTE_COLUMNS,
    VotePolicy,
    current_policy,
    read_decisions,
    read_votes,
)
from reground.tasks.workspace import Workspace

if TYPE_CHECKING:
    from reground.annotations.label_studio import Client


@dataclass(frozen=True)
class DisputeSummary:
    """Counts of a push to a curator.

    Attributes:
        curator: address.
        disputed: pairs of image and label in doubt.
        own: those on which the curator voted, which are left out.
        new: questions created by this push, one an image.
        total: all questions to this curator in the round.
    """

    curator: str
    disputed: int
    own: int
    new: int
    total: int


def push_disputes(
    workspace: Workspace,
    settings: ReviewSettings,
    curator: str,
    show_votes: bool = False,
    before_truth: VotePolicy = DEFAULT_POLICY,
) -> DisputeSummary:
    """Ask a curator about the pairs in doubt, apart from those on which they voted themselves.

    Args:
        workspace: with votes.
        settings: see `ReviewSettings`.
        curator: address of somebody with an account in Label Studio.
        show_votes: show how many votes each label has; False: the curator decides without knowing.
        before_truth: which votes count as long as there is no truth; from then on the truth's own policy says so.

    Raises:
        UsageError: nobody there has this address; the message lists who is there. Nothing is created.
        RegroundError: no vote was collected yet, or Label Studio is unavailable or refuses a request.
    """
    workspace.require("votes", "review pull")
    address, review_round = normalize_email(curator), ReviewRound(workspace, DECIDE, settings.round, 1)
    # Votes against a known answer dispute it.
    policy = replace(current_policy(workspace, before_truth), count_gold=True)
    votes = read_votes(workspace, policy, VOTE_COLUMNS)
    disputes = find_disputes(workspace, votes, read_decisions(workspace))
    num_new: list[int] = []

    def attempt(client: Client) -> DisputeSummary:
        own_ids = _annotator_ids(client, workspace, settings, address)
        projects = reconcile(client, review_round).projects
        plan = plan_decisions(review_round, settings, disputes, address, own_ids, show_votes)
        num_new.append(len(plan.questions))
        if plan.questions:
            create_tasks(client, review_round, settings, plan, projects, [address])
        num_own = sum(has_voted(dispute, own_ids) for dispute in disputes)
        total = sum(task.question.annotator == address for task in review_round.tasks())
        return DisputeSummary(address, len(disputes), num_own, num_new[0], total)

    with workspace.hold("reground review push"):
        return with_retry(
            lambda: connect(workspace, settings),
            attempt,
            lambda: len(workspace.parts("questions")),
            settings.retry_timeout,
        )


def _annotator_ids(client: Client, workspace: Workspace, settings: ReviewSettings, address: str) -> set[AnnotatorId]:
    """The annotator ids of the curator, who must be there.

    Raises:
        UsageError: nobody has this address.
    """
    members = sorted(user.email.lower() for user in client.users() if user.email)
    if address not in members:
        raise UsageError(
            f"expected the address of somebody with an account at {client.url}, got '{address}'. There are: "
            f"{', '.join(members)}. `reground review invite {address} -w {workspace.shell_url}` creates an account."
        )
    users = update_users(client, workspace, settings.recorded_annotators)
    return {users.annotator_id(user_id, 0) for user_id in users.rows if users.has_address(user_id, address)}
