"""Votes to labels with confidence."""

from reground.annotations.truth.needs_vote import STEP as NEEDS_VOTE
from reground.annotations.truth.needs_vote import NeedsVoteSettings
from reground.annotations.truth.step import STEP as TRUTH
from reground.annotations.truth.step import TruthSettings
from reground.annotations.truth.versions import Diff, diff, versions

__all__ = ["NEEDS_VOTE", "TRUTH", "Diff", "NeedsVoteSettings", "TruthSettings", "diff", "versions"]
