"""A small server in place of Label Studio, that answers as a test says: busy, over TLS, from behind a proxy."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VERSION = {"release": "1.23.2"}
Reply = tuple[int, str, dict[str, str]]
"""Status, body and further headers."""


@dataclass
class StandIn:
    """A server, and what it was asked.

    Attributes:
        url: its address.
        reply: path -> status, body, headers; may wait, or raise ConnectionResetError to hang up.
        paths: requested so far.
        tokens: headers Authorization so far.
    """

    url: str
    reply: Callable[[str], Reply]
    paths: list[str] = field(default_factory=list[str])
    tokens: list[str] = field(default_factory=list[str])


def ready(path: str) -> Reply:
    """As Label Studio answers what `Client.check` asks."""
    body = VERSION if path.endswith("/api/version") else {"id": 1, "results": [], "next": None}
    return 200, json.dumps(body), {"Content-Type": "application/json"}


@contextlib.contextmanager
def stand_in(reply: Callable[[str], Reply] = ready, tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """Run a server on a free port of this machine for the length of a ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.paths.append(self.path)
            server.tokens.append(self.headers["Authorization"] or "")
            try:
                status, body, headers = server.reply(self.path)
            except ConnectionResetError:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body.encode())), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked has gone
                self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        if tls:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        server = StandIn(f"{'https' if tls else 'http'}://localhost:{http.server_port}", reply)
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def private_authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority of nobody's trust: its certificate in a file, and a server's context signed by it."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("a private authority", "a private authority", authority_key, authority_key, is_ca=True)
    server = _certificate("localhost", "a private authority", server_key, authority_key, is_ca=False)
    ca_file, chain = folder / "authority.pem", folder / "server.pem"
    ca_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(key + server.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return ca_file, context


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, is_ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
