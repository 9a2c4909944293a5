"""Votes to labels with confidence; every version of them, and how it compares with other truths."""

from reground.annotations.truth.diff import Change, Diff, diff
from reground.annotations.truth.needs_vote import STEP as NEEDS_VOTE
from reground.annotations.truth.needs_vote import NeedsVoteSettings
from reground.annotations.truth.scores import Score
from reground.annotations.truth.settings import TruthSettings
from reground.annotations.truth.step import STEP as TRUTH
from reground.annotations.truth.versions import versions

__all__ = ["NEEDS_VOTE", "TRUTH", "Change", "Diff", "NeedsVoteSettings", "Score", "TruthSettings", "diff", "versions"]
