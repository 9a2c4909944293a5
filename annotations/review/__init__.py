"""Reviews: run Label Studio, invite annotators, push questions, pull votes, show progress."""

from reground.annotations.review.connection import DATA_DIR, connect
from reground.annotations.review.dispute import push_disputes
from reground.annotations.review.invite import Account, InvitationError, invite_annotators
from reground.annotations.review.pull import pull_votes
from reground.annotations.review.push import PushSummary, push_questions, push_suspects, push_text
from reground.annotations.review.serve import serve_label_studio
from reground.annotations.review.status import review_status
from reground.annotations.review.status_text import status_cells, status_text
from reground.annotations.rounds import DOCUMENT_ROOT, ReviewSettings
from reground.tasks.votes import QUESTIONS

__all__ = [
    "ReviewSettings",
    "serve_label_studio",
    "DATA_DIR",
    "DOCUMENT_ROOT",
    "invite_annotators",
    "Account",
    "InvitationError",
    "connect",
    "QUESTIONS",
    "push_questions",
    "push_suspects",
    "PushSummary",
    "push_text",
    "push_disputes",
    "pull_votes",
    "review_status",
    "status_cells",
    "status_text",
]
