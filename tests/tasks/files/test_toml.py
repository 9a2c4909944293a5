"""TOML from elsewhere."""

from __future__ import annotations

import pytest

from reground.tasks.files import ContentError, parse_toml
from reground.tasks.files.toml import MAX_TOML_BYTES


def test_tables() -> None:
    assert parse_toml(b"a = [9223372036854775807, -9223372036854775807]")["a"][0] == 2**63 - 1
    assert parse_toml(b"\xef\xbb\xbfa.b = [0.5, 1]") == {"a": {"b": [0.5, 1]}}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"a = " + b"{a = " * 10_000, "nested too deeply"),
        (b".".join([b"a"] * 40_000) + b" = 1", "line 1 has over 64 dots"),
        (b"a = 1\n[" + b".".join([b"'a'"] * 10_000) + b"]", "line 2 has over 64 dots"),
        (b"a = " + b"9" * 50_000, "digits"),
        (b"a.b = [[0x" + b"f" * 50_000 + b"]]", "an integer of 200,000 bits"),
        (b"a = -9223372036854775809", "64 bits"),
        (b"#" * (MAX_TOML_BYTES + 1), "over 100,000 bytes"),
        (b"a = '\xff'", "utf-8"),
        (b"a = 1\na = 2", "overwrite"),
    ],
)
def test_what_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(ContentError, match=complaint):
        parse_toml(content)
