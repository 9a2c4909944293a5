"""Addresses as people paste them."""

from __future__ import annotations

import pytest

from reground.annotations.label_studio.address import parse_address, same_server
from reground.tasks.errors import UsageError


@pytest.mark.parametrize(
    ("pasted", "base"),
    [
        ("http://127.0.0.1:8080/projects/3/data?tab=2", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/projects/3/data?tab=2&task=17#x", "http://127.0.0.1:8080"),
        ("https://labels.example.org/", "https://labels.example.org"),
        ("HTTPS://LABELS.Example.ORG:443/user/login/?next=%2F", "https://labels.example.org"),
        ("https://example.org/label-studio/projects", "https://example.org/label-studio"),
        ("https://example.org/label-studio/", "https://example.org/label-studio"),
        ("https://example.org/projectsoft/projects/1", "https://example.org/projectsoft"),
        ("localhost:8080", "http://localhost:8080"),
        ("localhost:8080/projects/", "http://localhost:8080"),
        ("labels.example.org", "https://labels.example.org"),
        ("labels.example.org:8080/tasks", "http://labels.example.org:8080"),
        ("192.168.1.20", "http://192.168.1.20"),
        ("[::1]:8080/projects", "http://[::1]:8080"),
        (" <https://labels.example.org/api>\n", "https://labels.example.org"),
        ('"https://labels.example.org"', "https://labels.example.org"),
    ],
)
def test_the_base_of_what_the_browser_shows(pasted: str, base: str) -> None:
    assert parse_address(pasted) == base and parse_address(base) == base


@pytest.mark.parametrize(
    "pasted",
    ["", "ftp://labels.example.org", "http://", "https://a b.org", "http://x:port", "file:///x", "http://[::1"],
)
def test_other_texts_are_refused(pasted: str) -> None:
    with pytest.raises(UsageError, match=r"expected an address of the web such as https://labels.example.org"):
        parse_address(pasted)


def test_a_password_in_an_address_is_refused_and_not_printed() -> None:
    with pytest.raises(UsageError, match=r"without user and password, got https://\*\*\*@labels.example.org") as raised:
        parse_address("https://ann:s3same-open@labels.example.org")
    assert "s3same" not in str(raised.value)


def test_this_machine_has_several_names() -> None:
    assert same_server("http://localhost:8080", "http://127.0.0.1:8080")
    assert not same_server("http://localhost:8080", "http://localhost:8081")
    assert not same_server("http://labels.example.org", "http://localhost")
