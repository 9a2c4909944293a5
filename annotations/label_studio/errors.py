"""Errors of Label Studio: it does not run, it is busy, or it refuses a request."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from reground.annotations.label_studio.token import TOKEN_VARIABLE
from reground.tasks.errors import RegroundError

GATEWAY_ERRORS: Final = (502, 503, 504)
"""Status codes of a proxy whose Label Studio does not answer, or of a server that starts."""
AGAIN: Final = "Nothing is lost: run the command again."
MAX_DETAIL: Final = 500
"""Characters of a response that a message quotes."""


class UnavailableError(RegroundError):
    """Label Studio does not answer, or the connection broke: the request may or may not have been carried out."""


def transport_error(url: str, action: str, error: Exception, trusted: str = "") -> RegroundError:
    """The error for a request without a whole response: what is wrong decides what to do.

    Args:
        url: of Label Studio.
        action: what it was asked to do, as an infinitive.
        error: of httpx, or of a parser where the response is cut off.
        trusted: the certificate authorities that the connection trusts, in words.

    Returns:
        An UnavailableError where the same request may succeed later.
    """
    expected = f"expected Label Studio at {url} to {action}"
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RegroundError(
                f"{expected}, but its certificate is not trusted ({cause.verify_message}) by {trusted}. Set "
                "review.ca_file, or SSL_CERT_FILE in the environment, to the certificate of its authority, in PEM."
            )
        if isinstance(cause, ssl.SSLError):
            return RegroundError(
                f"{expected}, but it speaks no TLS ({cause.reason}): an address that starts with http:// may be right."
            )
        if isinstance(cause, socket.gaierror):
            return UnavailableError(f"{expected}, but no machine of that name is known: check review.url. {AGAIN}")
    if isinstance(error, httpx.ConnectTimeout):
        return UnavailableError(f"{expected}, but no machine answers at that address: check review.url. {AGAIN}")
    if isinstance(error, httpx.TimeoutException):
        return UnavailableError(f"{expected}; it runs, but did not answer{_within(error)}: it is busy. {AGAIN}")
    if isinstance(error, httpx.ConnectError):
        return UnavailableError(
            f"{expected}, but nobody listens there: start it with `reground review serve`, or set review.url to its "
            "address. Nothing is lost: then run the command again."
        )
    return UnavailableError(
        f"{expected}; it closed the connection before it had answered ({type(error).__name__}): it is overloaded, or "
        f"was restarted. {AGAIN}"
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
            f"expected Label Studio at {url} to {action}, but the server in front of it has no answer from it (status "
            f"{status}): Label Studio is busy, starting or stopped. {AGAIN}"
        )
    if status == 500 and "database is locked" in str(body):
        return UnavailableError(f"expected Label Studio at {url} to {action}, but its database is busy. {AGAIN}")
    if status == 404 and "No Project matches" in str(body):
        return RegroundError(
            f"expected Label Studio at {url} to {action}, it has no such project: somebody deleted it there with its "
            "tasks, or review.url is that of another Label Studio. Answers already pulled are kept; ask the rest again "
            "in a new round: `reground review push --round N`."
        )
    return RegroundError(f"expected Label Studio at {url} to {action}, it refused (status {status}): {detail(body)}")


def detail(body: Any) -> str:
    """What a response says about a refusal; of a page its text."""
    reason = body.get("validation_errors") or body.get("detail") or body if isinstance(body, Mapping) else body
    text = str(reason or "no reason given")
    if re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE):
        text = re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<[^>]*>", " ", text)
    return " ".join(text.split())[:MAX_DETAIL]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _within(error: httpx.TimeoutException) -> str:
    try:
        seconds = error.request.extensions["timeout"]["read"]
    except (RuntimeError, KeyError):
        return ""
    return f" within {seconds:g} s"
