"""What is wrong with a connection decides what its error says: stopped, busy, another program, no trust."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from reground.annotations.label_studio import Client, UnavailableError
from reground.annotations.label_studio import connection as connections
from reground.annotations.label_studio.errors import AGAIN
from reground.annotations.label_studio.transport import CA_VARIABLES
from reground.tasks.errors import RegroundError, UsageError
from tests.support.label_studio_stand_in import Reply, private_authority, ready, stand_in

TOKEN = "f" * 40


def check(url: str, ca_file: str = "", token: str = TOKEN) -> None:
    with Client(url, token, ca_file) as client:
        client.check()


def failure(url: str, ca_file: str = "") -> RegroundError:
    with pytest.raises(RegroundError) as raised:
        check(url, ca_file)
    assert TOKEN not in str(raised.value)
    return raised.value


def test_a_server_that_answers_passes() -> None:
    with stand_in() as server:
        check(server.url)
        check(f"{server.url}/", token=f"{TOKEN}\r\n")
    assert set(server.tokens) == {f"Token {TOKEN}"}


def test_a_stopped_server_is_told_to_be_started() -> None:
    with socket.socket() as taken:  # bound and not listening: refuses connections
        taken.bind(("127.0.0.1", 0))
        error = failure(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert isinstance(error, UnavailableError)
    assert "nobody listens there: start it with `reground review serve`" in str(error)


def test_a_busy_server_is_not_told_to_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CHECK_TIMEOUT", 0.2)
    asked = threading.Event()

    def sleep(path: str) -> Reply:
        asked.wait()
        return ready(path)

    with stand_in(sleep) as server:
        error = failure(server.url)
        asked.set()
    assert isinstance(error, UnavailableError)
    assert f"it runs, but did not answer within 0.2 s: it is busy. {AGAIN}" in str(error) and "serve" not in str(error)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((502, "<html>Bad Gateway</html>", {}), "is busy, starting or stopped"),
        ((503, "", {}), "is busy, starting or stopped"),
        ((500, "django.db.utils.OperationalError: database is locked", {}), "its database is busy"),
    ],
)
def test_a_server_that_cannot_answer_yet_may_later(reply: Reply, said: str) -> None:
    with stand_in(lambda _: reply) as server:
        error = failure(server.url)
    assert isinstance(error, UnavailableError) and said in str(error) and AGAIN in str(error)


def test_a_broken_connection_is_not_told_to_be_started() -> None:
    def hang_up(_: str) -> Reply:
        raise ConnectionResetError

    with stand_in(hang_up) as server:
        error = failure(server.url)
    assert isinstance(error, UnavailableError)
    assert "closed the connection before it had answered" in str(error) and "serve" not in str(error)


@pytest.mark.parametrize(
    "reply",
    [(404, "not found", {}), (200, "<html>hello</html>", {}), (200, '{"version": 1}', {}), (200, "[]", {})],
    ids=["missing", "page", "json", "list"],
)
def test_another_program_at_the_address_is_named(reply: Reply) -> None:
    with stand_in(lambda _: reply) as server:
        error = failure(server.url)
    assert "another program answers there" in str(error) and not isinstance(error, UnavailableError)


def test_a_redirect_to_another_server_is_named() -> None:
    with stand_in(lambda _: (301, "", {"Location": "https://labels.example.org/api/version"})) as server:
        assert "redirects to https://labels.example.org/: set review.url" in str(failure(server.url))
    assert server.paths == ["/api/version"]


def test_a_name_that_no_machine_has() -> None:
    assert "no machine of that name is known" in str(failure("http://labels.invalid"))


def test_a_private_authority_is_trusted_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    ca_file, tls = private_authority(tmp_path)
    with stand_in(tls=tls) as server:
        error = failure(server.url)
        assert not isinstance(error, UnavailableError) and "its certificate is not trusted" in str(error)
        assert "by the certificate authorities of this machine. Set review.ca_file, or SSL_CERT_FILE" in str(error)
        check(server.url, str(ca_file))
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        check(server.url)
        other, _ = private_authority(_folder(tmp_path / "other"))
        monkeypatch.setenv("SSL_CERT_FILE", str(other))
        assert f"by SSL_CERT_FILE={other}" in str(failure(server.url))
        check(server.url, str(ca_file))  # the setting comes first
        assert f"by review.ca_file={other}" in str(failure(server.url, str(other)))


def test_a_file_without_certificates_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for path in (tmp_path / "empty.pem", tmp_path / "none.pem"):
        with pytest.raises(UsageError, match=rf"{path}, as review.ca_file says"):
            check("https://localhost:9", str(path))
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(UsageError, match=rf"{path}, as SSL_CERT_FILE says"):
            check("https://localhost:9")


def test_tls_where_there_is_none(tmp_path: Path) -> None:
    with stand_in() as server:
        assert "it speaks no TLS" in str(failure(server.url.replace("http:", "https:")))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
