"""Where a workspace may lie, and what a message about it can be pasted as."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.tasks.errors import RegroundError, UsageError
from reground.tasks.workspace import Workspace
from reground.tasks.workspace.location import locate


@pytest.mark.parametrize("url", ["", "  "])
def test_an_empty_text_is_not_the_current_folder(url: str) -> None:
    with pytest.raises(UsageError, match="got an empty text"):
        locate(url)


@pytest.mark.parametrize("below", ["", "/W", "/W/deeper"])
def test_a_file_is_no_workspace(tmp_path: Path, below: str) -> None:
    (tmp_path / "votes.csv").write_text("image_id\n")
    with pytest.raises(UsageError, match=r"votes\.csv is a file"):
        locate(f"{tmp_path}/votes.csv{below}")


def test_an_unknown_store() -> None:
    with pytest.raises(UsageError, match="cannot open a workspace at nosuch://bucket"):
        locate("nosuch://bucket/W")


def test_a_folder_that_is_not_there_yet_and_a_store(tmp_path: Path) -> None:
    assert locate(f"{tmp_path}/new/W").is_local
    assert not locate("memory://new/W").is_local
    assert not (tmp_path / "new").exists()


def test_commands_in_messages_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my work"
    with pytest.raises(RegroundError, match=f"`reground index IMAGES -w '{folder}'` first"):
        Workspace(folder).require("images", "index IMAGES")
