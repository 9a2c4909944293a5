"""What is missing skips a test for a user, and fails it in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import needs


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(needs, "SHARED", tmp_path / "shared")
    monkeypatch.setenv("CI", "true")
    return tmp_path / "shared"


def test_a_missing_package_skips_but_not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no_such_package"):
        needs.need_package("no_such_package")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no_such_package"):
        needs.need_package("no_such_package")


def test_where_nothing_is_shared_a_test_skips_in_ci_too(shared: Path) -> None:
    with pytest.raises(pytest.skip.Exception):
        needs.need_shared("images")
    with pytest.raises(pytest.skip.Exception):
        needs.need_case("too-large")


def test_where_something_is_shared_a_missing_piece_fails_in_ci(shared: Path) -> None:
    (shared / "data" / "images").mkdir(parents=True)
    assert needs.need_shared("images") == shared / "data" / "images"
    with pytest.raises(pytest.fail.Exception, match="too-large"):
        needs.need_case("too-large")
