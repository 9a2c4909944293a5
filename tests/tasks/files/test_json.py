"""JSON from elsewhere: what is read, and what is refused in bounded memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.files import ContentError, parse_json, read_json
from reground.tasks.files import json as reader


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        ('["\u00e9", "\\ud83d\\ude00"]'.encode(), ["\u00e9", "\U0001f600"]),
        (b'"\\\\ud800"', "\\ud800"),
        (b"-1", -1),
        ('{"a": NaN}', None),
    ],
)
def test_values(content: bytes | str, value: object) -> None:
    if isinstance(content, str):
        assert parse_json(content, allow_nan=True)["a"] != parse_json(content, allow_nan=True)["a"]
    else:
        assert parse_json(content) == value


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 1_000_000, "nested too deeply"),
        (b"9" * 1_000_000, "digits"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b'[{"a": ["\\ud800"]}]', "not Unicode"),
        (b'{"\\uDfff": 1}', "not Unicode"),
        (b'"\xed\xa0\x80"', "utf-8"),
        (b'[{"a": 1, "b": 2, "a": 3}]', "a key occurs twice among .*a.*b.*a"),
        (b"[1", "Expecting"),
        (b"", "Expecting"),
        (b"\xff\xfe[\x001\x00]\x00", "utf-8"),
    ],
)
def test_what_is_no_json(content: bytes, complaint: str) -> None:
    with pytest.raises(ContentError, match=complaint):
        parse_json(content)


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + b" " * 9 + b"]")
    assert read_json(path, max_bytes=11) == []
    with pytest.raises(ContentError, match="over 10 bytes"):
        read_json(path, max_bytes=10)
    with pytest.raises(ContentError, match="over 10 bytes"):
        read_json(Path("/dev/zero"), max_bytes=10)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize("is_text", [False, True])
def test_what_would_not_fit_into_memory_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch, is_text: bool
) -> None:
    monkeypatch.setattr(reader, "MAX_CONTAINERS", 3)
    monkeypatch.setattr(reader, "MAX_VALUES", 5)

    def parse(content: str) -> object:
        return parse_json(content if is_text else content.encode())

    assert parse("[[], {}]") == [[], {}]
    with pytest.raises(ContentError, match="over 3 objects and lists, the limit"):
        parse("[[], {}, []")  # not parsed: that it is no JSON is not noticed
    assert parse("[1, 2, 3, 4, 5, 6]") == [1, 2, 3, 4, 5, 6]
    with pytest.raises(ContentError, match="over 5 values, the limit"):
        parse("[1, 2, 3, 4, 5, 6, 7")
