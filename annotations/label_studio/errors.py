"""What a user is told when Label Studio does not answer, or says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reground.tasks.errors import RegroundError

TOKEN_VARIABLE: Final = "REGROUND_LABEL_STUDIO_TOKEN"
AWAY: Final = (502, 503, 504)
"""What a proxy says in the place of a Label Studio that is not there."""


class NoAnswerError(RegroundError):
    """Label Studio is not there, or went away in mid-sentence: what was asked may be done or not."""


def no_answer(url: str, doing: str, error: Exception) -> NoAnswerError:
    """Label Studio is not there."""
    return NoAnswerError(
        f"expected Label Studio at {url} to {doing}, got no answer ({type(error).__name__}: {error}): start it with "
        "`reground review serve`, or set review.url to where it listens. Nothing is lost: run the command again then."
    )


def refusal(url: str, doing: str, status: int | None, body: Any) -> RegroundError:
    """Label Studio is there and says no."""
    if status == 401:
        return RegroundError(
            f"expected Label Studio at {url} to accept the token, it refused (401): set {TOKEN_VARIABLE} to a token "
            "that its page Account & Settings shows, legacy or personal; without the variable, the token of the "
            "workspace's own Label Studio is used."
        )
    if status in AWAY:
        return NoAnswerError(
            f"expected Label Studio at {url} to {doing}, got no answer from behind its proxy (status {status}). "
            "Nothing is lost: run the command again when it is back."
        )
    detail = body.get("validation_errors") or body.get("detail") if isinstance(body, Mapping) else body
    return RegroundError(
        f"expected Label Studio at {url} to {doing}, it refused (status {status}): {str(detail)[:500]}"
    )
