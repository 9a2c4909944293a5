"""Addresses of Label Studio as people paste them, from the browser too."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from reground.tasks.errors import UsageError

_PAGES: Final = re.compile(
    r"/(api|data|docs|health|home|ml|organization|people|projects|settings|tasks|users?|version|webhooks)(/.*)?$"
)
"""Where the paths of Label Studio's own pages begin."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def parse_address(text: str) -> str:
    """The base of all of Label Studio's addresses: scheme, host, and the path below which a proxy serves it.

    Without a scheme it is ``http`` for this machine, a private address or a port other than 443, else ``https``.

    Raises:
        UsageError: it is no address of the web, or holds a password.

    Examples:
        >>> parse_address("http://localhost:8080/projects/3/data?tab=2")
        'http://localhost:8080'
        >>> parse_address(" LABELS.example.org/ "), parse_address("https://example.org/labels/user/login/?next=/")
        ('https://labels.example.org', 'https://example.org/labels')
    """
    address = text.strip(" \t\r\n\u00a0\u200b\ufeff\"'`<>")
    parts = _split(address, text)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"expected an address without user and password, got {address}: Label Studio takes a token, from the "
            "environment."
        )
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    port = f":{parts.port}" if parts.port not in (None, _DEFAULT_PORTS[parts.scheme]) else ""
    return f"{parts.scheme}://{host}{port}{_PAGES.sub('', parts.path).rstrip('/')}"


def same_server(one: str, other: str) -> bool:
    """Whether two addresses that `parse_address` gave are of one server; this machine has several names."""
    return _canonical(one) == _canonical(other)


def _split(address: str, text: str) -> SplitResult:
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        if not parts.scheme:
            parts = parts._replace(scheme=_scheme(parts))
        if parts.scheme in _DEFAULT_PORTS and parts.hostname and not re.search(r"[\s\\]", address):
            _ = parts.port  # ValueError unless it is a number
            return parts
    except ValueError:
        pass
    raise UsageError(f"expected an address of the web such as https://labels.example.org, got '{text}'.")


def _scheme(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        is_private = ipaddress.ip_address(host).is_private
    except ValueError:
        is_private = "." not in host
    return "http" if is_private or parts.port not in (None, 443) else "https"


def _canonical(address: str) -> str:
    parts = urlsplit(address)
    host = parts.netloc.removesuffix(f":{parts.port}")
    return parts._replace(netloc=f"loopback:{parts.port}" if host in _LOOPBACK else parts.netloc).geturl()
