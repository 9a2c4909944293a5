"""Addresses are checked first; a command that fails half way says what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.annotations.label_studio import UnavailableError
from reground.annotations.review import DATA_DIR, InvitationError, ReviewSettings, invite, invite_annotators
from reground.flows.cli.main import main
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace, remembered
from tests.support.label_studio_world import LabelStudio

pytest_plugins = ["tests.support.label_studio_fixture"]

ACCEPTED = ["ann@lab.org", "a.b+c@sub.lab.org", "O'Neil_1@LAB.org", "x@bücher.example", "a-b@a-b.io"]
REFUSED = [
    "jürgen@lab.org",
    "nobody",
    "a@b",
    "a@b/../c.org",
    "../x@lab.org",
    "a..b@lab.org",
    ".a@lab.org",
    "a b@lab.org",
    "a@lab.org, b@lab.org",
    "a@-lab.org",
    "a@lab-.org",
    "a@lab.o",
    "ann@lab.org\n\x1b[2J",
    f"{'a' * 250}@lab.org",
]


@pytest.mark.parametrize("email", ACCEPTED)
def test_addresses_that_label_studio_takes(email: str) -> None:
    assert invite._addresses([f" {email} "]) == [email.lower()]


@pytest.mark.parametrize("email", REFUSED)
def test_addresses_that_it_refuses(email: str) -> None:
    with pytest.raises(UsageError, match="No account was created"):
        invite._addresses(["ann@lab.org", email])


def test_all_malformed_addresses_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"got 'jürgen@lab.org', 'nobody': "):
        invite_annotators(Workspace(tmp_path), ReviewSettings(), ["p1@lab.org", "jürgen@lab.org", "nobody"])
    with pytest.raises(UsageError, match="reground review invite"):
        invite_annotators(Workspace(tmp_path), ReviewSettings(), [])


@pytest.fixture
def own(label_studio: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("REGROUND_LABEL_STUDIO_TOKEN")
    workspace = label_studio.workspace(tmp_path / "w")
    Path(workspace.path(DATA_DIR)).symlink_to(label_studio.root / "data")
    return workspace


@pytest.mark.slow
def test_one_malformed_address_and_nobody_is_invited(
    own: Workspace, label_studio: LabelStudio, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", "invite", "p1@lab.org", "jürgen@lab.org", "p2@lab.org", "-w", own.url]) == 2
    assert "got 'jürgen@lab.org'" in capsys.readouterr().err
    with label_studio.client() as client:
        assert {"p1@lab.org", "p2@lab.org"} & {user.email for user in client.users()} == set()
    assert not list((label_studio.root / "data").glob("password-p*"))


@pytest.mark.slow
def test_what_was_created_before_a_refusal_is_told_and_remembered(
    own: Workspace, label_studio: LabelStudio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(invite.secrets, "token_urlsafe", _short_from(2))
    emails = ["q1@lab.org", "q2@lab.org", "q3@lab.org"]
    assert main(["review", "invite", *emails, "-w", own.url]) == 1
    said = capsys.readouterr().err
    assert "create an account for q2@lab.org, it refused: Please enter a password" in said
    assert "Created before that: q1@lab.org. Not created: q2@lab.org, q3@lab.org" in said
    assert remembered.read(own)["review.annotators"].value == ["q1@lab.org"]
    (label_studio.root / "data" / "password-q2@lab.org").unlink()
    assert main(["review", "invite", *emails, "-w", own.url]) == 0
    said = capsys.readouterr().out
    assert "q1@lab.org: had an account" in said and "q3@lab.org: new account" in said
    assert remembered.read(own)["review.annotators"].value == emails


@pytest.mark.slow
def test_a_server_that_goes_away_half_way(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def sign_up(client: Any, email: str, password: str) -> None:
        if calls:
            raise UnavailableError("away")
        calls.append(email)

    monkeypatch.setattr(invite, "sign_up", sign_up)
    said = r"away\nCreated before that: r1@lab.org. Not created: r2@lab.org"
    with pytest.raises(InvitationError, match=said) as raised:
        invite_annotators(own, ReviewSettings(), ["r1@lab.org", "r2@lab.org"])
    assert [account.email for account in raised.value.accounts] == ["r1@lab.org"]


def _short_from(number: int) -> Any:
    """Passwords that are good enough, but for one."""
    count = iter(range(1, 100))
    return lambda _: "short" if next(count) == number else "a-long-enough-passphrase"
