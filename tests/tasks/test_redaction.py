"""Secrets are masked wherever text reaches people: errors, the terminal, log lines."""

from __future__ import annotations

import io
import logging

import pytest

from reground.flows.run.progress import ConsoleHandler
from reground.tasks import console
from reground.tasks.errors import RegroundError
from reground.tasks.redaction import conceal, redact

TOKEN = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    "value", [TOKEN, f"{TOKEN}\r\n", f'"{TOKEN}"', f"  {TOKEN}\n"], ids=["bare", "crlf", "quoted", "blank"]
)
def test_the_tokens_of_the_environment_are_masked(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", value)
    assert TOKEN not in str(RegroundError(f"Illegal header value b'Token {TOKEN}'"))
    assert TOKEN not in redact(f"x{TOKEN}y") and redact("no token here") == "no token here"


def test_concealed_text_is_masked_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    secret = conceal("a-passphrase-of-this-test")
    console.write(f"password {secret}")
    ConsoleHandler().emit(logging.makeLogRecord({"msg": "logged %s", "args": (secret,)}))
    printed = capsys.readouterr()
    assert printed.out == "password ***\n" and printed.err == "logged ***\n"
    assert conceal("abc") == "abc" and redact("abc") == "abc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:s3same@lab.org:80/x", "http://***@lab.org:80/x"),
        ("s3://key:a@b@bucket/w", "s3://***@bucket/w"),
        ("https://lab.org/a?X-Amz-Signature=abc&x=1", "https://lab.org/a?X-Amz-Signature=***&x=1"),
        (f"Authorization: Token {TOKEN}", "Authorization: Token ***"),
        ("Bearer abcdefgh.ijkl", "Bearer ***"),
        ("got eyJhbGciOiJI.eyJ0b2tlbl90.c2lnbmF0dXJl.", "got ***."),
        ("mail ann@lab.org, see http://lab.org/@x", "mail ann@lab.org, see http://lab.org/@x"),
        ("Token of the server; a bearer of news", "Token of the server; a bearer of news"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_the_terminal_obeys_nothing_and_takes_every_character() -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console.write("first\nK\u00e4fer \x1b[2J \udce9 \u202e", narrow)
    narrow.seek(0)
    assert narrow.read() == "first\nK\\xe4fer \\u001b[2J \\udce9 \\u202e\n"


def test_log_records_hold_no_secret_whoever_logs_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", TOKEN)
    factory = logging.getLogRecordFactory()
    try:
        console.guard_logs()
        logging.getLogger("another.library").warning("asked %s with %s\n\x1b[2J", "http://a:bcd@x", TOKEN)
    finally:
        logging.setLogRecordFactory(factory)
    assert caplog.messages == ["asked http://***@x with ***\n\\u001b[2J"]
