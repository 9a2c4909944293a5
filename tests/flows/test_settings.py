"""Settings: which source wins, what a workspace remembers, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.flows.settings import load
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, config = Workspace(tmp_path / "w"), tmp_path / "reground.toml"
    assert load(workspace, {}).masks.seed == 0
    load(workspace, {"masks": {"seed": 1}})
    assert load(workspace, {}).masks.seed == 1
    config.write_text("[masks]\nseed = 2\niterations = 7\n")
    assert load(workspace, {}, config).masks.seed == 2
    monkeypatch.setenv("REGROUND_MASKS__SEED", "3")
    found = load(workspace, {}, config).masks
    assert (found.seed, found.iterations) == (3, 7)
    assert load(workspace, {"masks": {"seed": 4}}, config).masks.seed == 4


def test_a_workspace_remembers_only_what_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    load(workspace, {"index": {"images": "photos"}})
    load(workspace, {"masks": {"seed": 1}})
    monkeypatch.setenv("REGROUND_MASKS__SEED", "9")
    load(workspace, {})
    assert (tmp_path / "settings.json").read_text() == (
        '{\n "index": {\n  "images": "photos"\n },\n "masks": {\n  "seed": 1\n }\n}'
    )


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"masks": {"sed": 1}}, "masks.sed"),
        ({"mask": {"seed": 1}}, "mask"),
        ({"masks": {"seed": "one"}}, "masks.seed"),
    ],
)
def test_what_is_not_understood_is_named_and_not_remembered(
    tmp_path: Path, told: dict[str, object], named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        load(Workspace(tmp_path), told)
    assert not (tmp_path / "settings.json").exists()


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("[masks\n")
    for name in ("broken.toml", "missing.toml"):
        with pytest.raises(UsageError, match=f"{name}.*--config"):
            load(Workspace(tmp_path / "w"), {}, tmp_path / name)
