"""Where a workspace may lie, and what a message about it can be pasted as."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace


@pytest.mark.parametrize("url", ["", "  "])
def test_an_empty_text_is_not_the_current_folder(url: str) -> None:
    with pytest.raises(UsageError, match="got an empty text"):
        Workspace(url)


@pytest.mark.parametrize("below", ["", "/W", "/W/deeper"])
def test_a_file_is_no_workspace(tmp_path: Path, below: str) -> None:
    (tmp_path / "votes.csv").write_text("image_id\n")
    with pytest.raises(UsageError, match=r"votes\.csv is a file"):
        Workspace(f"{tmp_path}/votes.csv{below}")


def test_an_unknown_store() -> None:
    with pytest.raises(UsageError, match="cannot open nosuch://bucket"):
        Workspace("nosuch://bucket/W")


def test_a_folder_that_is_not_there_yet_and_a_store(tmp_path: Path) -> None:
    assert Workspace(f"{tmp_path}/new/W").is_local
    assert not Workspace("memory://new/W").is_local
    assert not (tmp_path / "new").exists()


def test_commands_in_messages_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my work"
    with pytest.raises(RegroundError, match=f"`reground index IMAGES -w '{folder}'` first"):
        Workspace(folder).require("images", "index IMAGES")
