"""Sources of votes: listed with their counts, and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.published import import_votes, remove_votes, vote_sources
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.published_answers import real, votes
from tests.support.tables import put, vote
from tests.support.vote_files import write_csv


def test_what_came_in_goes_out_again(workspace: Workspace, tmp_path: Path) -> None:
    import_votes(workspace, "csv", write_csv(tmp_path, "a,0,ann,yes", "b,0,ann,no"), "ann")
    import_votes(workspace, "csv", write_csv(tmp_path, "a,0,bob,yes", "x,no such class,bob,no"), "bob")
    assert [(one.name, one.votes) for one in vote_sources(workspace)] == [("ann", 2), ("bob", 1)]
    assert remove_votes(workspace, "bob") == 1
    assert set(votes(workspace)["source"]) == {"ann"} and set(workspace.read("annotators")["source"]) == {"ann"}
    assert not len(workspace.read("dropped"))
    assert remove_votes(workspace, "ann") == 2 and not len(votes(workspace))
    with pytest.raises(UsageError, match="unknown source of imported votes 'ann': expected one of: none"):
        remove_votes(workspace, "ann")


def test_sources_that_do_not_go_out_by_themselves(workspace: Workspace, tmp_path: Path) -> None:
    import_votes(workspace, "real", real(tmp_path))
    put(workspace, "votes", [{**vote("a", 0, "ann"), "source": "label-studio"}])
    names = {one.name: one.import_name for one in vote_sources(workspace)}
    assert names == {
        "label-studio": "",
        "reassessed-imagenet": "reassessed-imagenet",
        "reassessed-imagenet-experts": "reassessed-imagenet",
    }
    with pytest.raises(UsageError, match="came in with those of 'reassessed-imagenet'"):
        remove_votes(workspace, "reassessed-imagenet-experts")
    with pytest.raises(UsageError, match=r"'label-studio' was not imported: .*--hold-out"):
        remove_votes(workspace, "label-studio")
    with pytest.raises(UsageError, match="did you mean 'reassessed-imagenet'"):
        remove_votes(workspace, "reassessed-imagenot")
    remove_votes(workspace, "reassessed-imagenet")
    assert [one.name for one in vote_sources(workspace)] == ["label-studio"]
