"""Errors of Label Studio: unavailable, or a refused request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reground.tasks.errors import RegroundError

TOKEN_VARIABLE: Final = "REGROUND_LABEL_STUDIO_TOKEN"
GATEWAY_ERRORS: Final = (502, 503, 504)
"""Status codes of a proxy whose Label Studio does not answer."""


class UnavailableError(RegroundError):
    """Label Studio does not answer, or the connection broke: the request may or may not have been carried out."""


def unavailable_error(url: str, action: str, error: Exception) -> UnavailableError:
    """The error for a failed connection."""
    return UnavailableError(
        f"expected Label Studio at {url} to {action}, got no answer ({type(error).__name__}: {error}): start it with "
        "`reground review serve`, or set review.url to its address. Nothing is lost: then run the command again."
    )


def response_error(url: str, action: str, status: int | None, body: Any) -> RegroundError:
    """The error for a response whose status is not a success."""
    if status == 401:
        return RegroundError(
            f"expected Label Studio at {url} to accept the token, it refused (401): set {TOKEN_VARIABLE} to a token "
            "from its page Account & Settings, legacy or personal. Without the variable, the token of the workspace's "
            "own Label Studio is used."
        )
    if status in GATEWAY_ERRORS:
        return UnavailableError(
            f"expected Label Studio at {url} to {action}, got no answer from behind its proxy (status {status}). "
            "Nothing is lost: run the command again when it is back."
        )
    detail = body.get("validation_errors") or body.get("detail") if isinstance(body, Mapping) else body
    return RegroundError(
        f"expected Label Studio at {url} to {action}, it refused (status {status}): {str(detail)[:500]}"
    )
