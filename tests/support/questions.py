"""Questions as a push sends them."""

from __future__ import annotations

from reground.annotations.rounds import Question
from reground.annotations.rounds.opaque_names import with_opaque_names

SECRET = b"a secret of the tests"


def sent(question: Question) -> Question:
    """The question with the names that stand for its key and images in Label Studio."""
    return with_opaque_names(question, question.key.partition(":")[0], SECRET)
