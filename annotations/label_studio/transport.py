"""HTTP connections to Label Studio: which certificates they trust, and where they may be redirected."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Final

import certifi
import httpx

from reground.tasks.errors import RegroundError, UsageError

TIMEOUT: Final = 120.0
"""Seconds."""
CA_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables of OpenSSL: certificate authorities to trust instead of the machine's."""


def http_client(url: str, ca_file: str = "") -> httpx.Client:
    """A client for one server; no proxy and no password of the environment is used.

    Args:
        url: of the server; what it redirects to another server raises RegroundError.
        ca_file: certificate authorities to trust, in PEM; empty: those of the environment, else the machine's.

    Raises:
        UsageError: the file has no certificates.
    """
    # Without TLS nothing is trusted, as a redirect to TLS is refused: the machine's authorities take 30 ms to read.
    verify = tls_context(ca_file) if url.startswith("https:") or ca_file else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(
        base_url=url,
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=True,
        verify=verify,
        event_hooks={"response": [_stay]},
    )


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """The certificate authorities to trust: a file's, else those of `CA_VARIABLES`, else the machine's.

    Raises:
        UsageError: a file that is named holds no certificates; the message names it.
    """
    named = {"review.ca_file": ca_file} if ca_file else {name: os.environ.get(name, "") for name in CA_VARIABLES}
    for name, path in named.items():
        if path and not Path(path).exists():
            raise UsageError(f"expected certificate authorities at {path}, as {name} says; nothing is there.")
    try:
        context = ssl.create_default_context(cafile=ca_file or os.environ.get("SSL_CERT_FILE") or None)
        if not any(named.values()):
            context.load_verify_locations(certifi.where())
    except (OSError, ssl.SSLError) as error:
        name, path = next((name, path) for name, path in named.items() if path)
        raise UsageError(f"expected certificates in PEM in {path}, as {name} says: {error}.") from error
    return context


def trusted(ca_file: str = "") -> str:
    """Whose certificates `tls_context` trusts, in words."""
    if ca_file:
        return f"review.ca_file={ca_file}"
    names = [f"{name}={os.environ[name]}" for name in CA_VARIABLES if os.environ.get(name)]
    return " and ".join(names) or "the certificate authorities of this machine"


def _stay(response: httpx.Response) -> None:
    """Refuse redirects to another server: they lose the token, and turn what is sent into a question."""
    if not response.has_redirect_location:
        return
    target = response.url.join(response.headers["location"])
    here = response.url
    if (target.scheme, target.host, target.port) != (here.scheme, here.host, here.port):
        raise RegroundError(
            f"expected Label Studio at {here.copy_with(raw_path=b'/')}, which redirects to "
            f"{target.copy_with(raw_path=b'/')}: set review.url to the address that the browser ends at."
        )
