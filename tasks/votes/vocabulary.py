"""The vocabulary of votes: questions, answers and sources, as they stand in the table ``votes``."""

from __future__ import annotations

from typing import Final

CONTAINS: Final = "contains"
"""A grid of images and one label: which of them contain it?"""
CLASSIFY: Final = "classify"
"""One image and its candidate labels: which are valid, which is the main one, and how many objects are there?"""
RATE: Final = "rate"
"""One image and one label: yes, maybe or no (published sets only)."""
COMPARE: Final = "compare"
"""One image and two labels: which is valid, if not both or neither (published sets only)."""
DECIDE: Final = "decide"
"""One image and the labels that people dispute: a curator says of each whether it is valid."""
QUESTIONS: Final = (CONTAINS, CLASSIFY)
"""Questions that annotators vote on in Label Studio."""

NO, MAYBE, YES = "no", "maybe", "yes"
ANSWERS: Final = (NO, MAYBE, YES)
"""Answers, in the order of their index in `VoteArrays`."""
ANSWER_WORDS: Final = {
    **dict.fromkeys((YES, "y", "true", "1", "1.0"), YES),
    **dict.fromkeys((NO, "n", "false", "0", "0.0"), NO),
    MAYBE: MAYBE,
}
"""Words that files have for an answer, in lower case -> the answer."""

LABEL_STUDIO, RECORDED, SIMULATED = "label-studio", "recorded", "simulated"
"""Sources of votes that are not published: given in Label Studio; recorded beforehand; made by a program."""
COLLECTED: Final = (LABEL_STUDIO, RECORDED, SIMULATED)
"""Sources of votes on questions of this workspace."""
REASSESSED: Final = "reassessed-imagenet"
"""Source of the votes of Beyer et al. 2020 (ReaL)."""
GOLDEN_SET: Final = (f"{REASSESSED}-trial", f"{REASSESSED}-experts")
"""Sources of answers on their golden set: what most of the raters said of it, and what five experts said."""

ANONYMOUS: Final = ":anonymous"
"""In an annotator_id: no other answer can be told to be of the same person."""
