"""Settings: which source wins, where a value came from, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.flows.settings import remember, resolve
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace


def origin(workspace: Workspace, name: str, overrides: dict[str, Any], config: Path | None = None) -> str:
    return next(str(row.origin) for row in resolve(workspace, overrides, config).rows() if row.name == name)


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, config = Workspace(tmp_path / "w"), tmp_path / "reground.toml"
    assert resolve(workspace, {}).settings.masks.seed == 0
    assert origin(workspace, "masks.seed", {}) == "default"
    remember(workspace, {"masks": {"seed": 1}})
    assert resolve(workspace, {}).settings.masks.seed == 1
    assert origin(workspace, "masks.seed", {}) == "workspace"
    config.write_text("[masks]\nseed = 2\niterations = 7\n")
    assert resolve(workspace, {}, config).settings.masks.seed == 2
    assert origin(workspace, "masks.seed", {}, config) == f"file {config}"
    monkeypatch.setenv("REGROUND_MASKS__SEED", "3")
    masks = resolve(workspace, {}, config).settings.masks
    assert (masks.seed, masks.iterations) == (3, 7)
    assert origin(workspace, "masks.seed", {}, config) == "environment REGROUND_MASKS__SEED"
    overrides = {"masks": {"seed": 4}}
    assert resolve(workspace, overrides, config).settings.masks.seed == 4
    assert origin(workspace, "masks.seed", overrides, config) == "command line"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"masks": {"sed": 1}}, "unknown setting 'masks.sed': did you mean 'masks.seed'"),
        ({"mask": {"seed": 1}}, "unknown step 'mask': did you mean 'masks'"),
        ({"masks": {"seed": "one"}}, "masks.seed: expected a whole number, got 'one'"),
    ],
)
def test_refused_settings_leave_no_workspace(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    for refuse in (resolve, remember):
        with pytest.raises(UsageError, match=message):
            refuse(Workspace(tmp_path / "w"), overrides)
    assert not (tmp_path / "w").exists()


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("[masks\n")
    for name in ("broken.toml", "missing.toml"):
        with pytest.raises(UsageError, match=f"{name}.*--config"):
            resolve(Workspace(tmp_path / "w"), {}, tmp_path / name)
