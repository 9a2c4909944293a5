"""Votes: their vocabulary, which of them count, what share of people select a label, and which
labels an image has.

`VotePolicy` says which votes count; `truth_policy` reads that of the truth. `read_votes` gives the votes
that count, `encode` turns them into arrays, `selection_frequency` counts them.
"""

from reground.tasks.votes.annotators import ANNOTATOR_COLUMNS, annotator_rows
from reground.tasks.votes.answer import ContradictionError, check_answer
from reground.tasks.votes.arrays import (
    ANSWER_WEIGHTS,
    VOTE_COLUMNS,
    Bools,
    Floats,
    Ints,
    VoteArrays,
    decisive,
    encode,
    selection_frequency,
    self_contradictions,
)
from reground.tasks.votes.counting import counted_votes, excluded, read_votes
from reground.tasks.votes.decisions import read_decisions
from reground.tasks.votes.labels import count_states, describe_states, labels_or_original
from reground.tasks.votes.policy import (
    DEFAULT_POLICY,
    POLICY_TABLE,
    VotePolicy,
    current_policy,
    parse_policy,
    truth_policy,
)
from reground.tasks.votes.vocabulary import (
    ANONYMOUS,
    ANSWER_WORDS,
    ANSWERS,
    CLASSIFY,
    COLLECTED,
    COMPARE,
    CONTAINS,
    DECIDE,
    GOLDEN_SET,
    LABEL_STUDIO,
    MAYBE,
    NO,
    QUESTIONS,
    RATE,
    REASSESSED,
    RECORDED,
    SIMULATED,
    YES,
)

__all__ = [
    "ANNOTATOR_COLUMNS",
    "ANONYMOUS",
    "ANSWERS",
    "ANSWER_WORDS",
    "CLASSIFY",
    "COLLECTED",
    "COMPARE",
    "CONTAINS",
    "DECIDE",
    "GOLDEN_SET",
    "LABEL_STUDIO",
    "MAYBE",
    "NO",
    "POLICY_TABLE",
    "QUESTIONS",
    "RATE",
    "REASSESSED",
    "RECORDED",
    "SIMULATED",
    "VOTE_COLUMNS",
    "ANSWER_WEIGHTS",
    "YES",
    "Bools",
    "Floats",
    "Ints",
    "VoteArrays",
    "VotePolicy",
    "DEFAULT_POLICY",
    "annotator_rows",
    "check_answer",
    "ContradictionError",
    "counted_votes",
    "count_states",
    "current_policy",
    "describe_states",
    "decisive",
    "encode",
    "excluded",
    "labels_or_original",
    "parse_policy",
    "read_decisions",
    "read_votes",
    "selection_frequency",
    "self_contradictions",
    "truth_policy",
]
