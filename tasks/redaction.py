"""Secrets never reach people: tokens and passwords are masked in every message and log line."""

from __future__ import annotations

import os
import re
from typing import Final

MASK: Final = "***"
VARIABLES: Final = (
    "REGROUND_LABEL_STUDIO_TOKEN",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
"""Environment variables whose values are secrets."""
MIN_LENGTH: Final = 8
"""Characters of a secret; shorter ones would mask ordinary words."""

_PATTERNS: Final = (
    re.compile(r"(?<=://)[^\s/?#]*(?=@)"),  # user and password in a URL
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # JSON Web Token, RFC 7519
    re.compile(r"(?i)(?<=\btoken )[0-9a-f]{40}\b|(?<=\bbearer )[\w.~+/-]{8,}=*"),  # header Authorization
    re.compile(r"(?i)(?<=[?&])((?:[\w-]*(?:token|signature|password|secret|api_?key)|sig)=)[^\s&#'\"]+"),
)
_secrets: set[str] = set()


def conceal(secret: str) -> str:
    """Mask this text from now on wherever this process redacts; returns it."""
    if len(secret) >= MIN_LENGTH:
        _secrets.add(secret)
    return secret


def redact(text: str) -> str:
    """Text without secrets: concealed ones, those of the environment, and what looks like one.

    Examples:
        >>> redact("got no answer from https://ann:s3same@lab.org/api?token=0123456789&page=2")
        'got no answer from https://***@lab.org/api?token=***&page=2'
    """
    for secret in sorted(_secrets | _of_environment(), key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: f"{match[1] if match.re.groups else ''}{MASK}", text)
    return text


def _of_environment() -> set[str]:
    """The secrets of `VARIABLES`, with and without white space and quotes at their ends."""
    values = [os.environ.get(name, "") for name in VARIABLES]
    return {form for value in values for form in (value, value.strip(" \t\r\n'\"")) if len(form) >= MIN_LENGTH}
