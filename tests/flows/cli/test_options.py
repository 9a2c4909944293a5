"""Options made from settings: values arrive as they were given, paths in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reground.flows.cli import main, parse
from reground.flows.cli.options import Overrides, setting_options, takes_settings
from reground.flows.settings import resolve
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace


def overrides_of(step: str, *words: str) -> dict[str, Any]:
    """What the command line of a step hands to the settings."""
    options = setting_options([step], positional="images" if step == "index" else "")
    arguments = parse([step, *words, "-w", "W"])
    return {option.field.name: arguments[option.keyword] for option in options if option.keyword in arguments}


def test_values_are_text_and_flags() -> None:
    given = overrides_of("adversarial", "--models", "a,b", "--no-exhaustive", "--seed", "x")
    assert given == {"models": "a,b", "exhaustive": False, "seed": "x"}


def test_what_is_not_given_is_no_override() -> None:
    assert overrides_of("masks") == {}


def test_overrides_are_collected_by_step() -> None:
    seen: list[Overrides] = []

    @takes_settings("masks", "variants")
    def command(*, workspace: str, overrides: Overrides) -> None:
        seen.append(overrides)

    command(workspace="W", masks_seed="1", variants_seed="2", masks_min_quality=None)
    assert seen == [{"masks": {"seed": "1"}, "variants": {"seed": "2"}}]


def test_a_name_of_several_steps_is_qualified() -> None:
    flags = {(option.step, option.field.name): option.flag for option in setting_options(["masks", "variants"])}
    assert flags["masks", "seed"] == "--masks-seed" and flags["variants", "seed"] == "--variants-seed"
    assert flags["masks", "min_quality"] == "--min-quality"
    alone = {option.field.name: option.flag for option in setting_options(["masks"])}
    assert alone["seed"] == "--seed"


def test_nested_settings_are_dashed() -> None:
    flags = [option.flag for option in setting_options(["review"], only=["exclude"])]
    assert "--exclude-min-gold-accuracy" in flags and all(flag.startswith("--exclude-") for flag in flags)


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["index", "photographs"], "images", "{here}/photographs"),
        (["index", "--boxes", "photographs"], "boxes", "{here}/photographs"),
        (["masks", "--method", "supplied:photographs"], "method", "supplied:{here}/photographs"),
        (["masks", "--method", "supplied:elsewhere"], "method", "supplied:elsewhere"),
        (["report", "--title", "photographs"], "title", "photographs"),
    ],
)
def test_paths_are_kept_in_full(
    words: list[str], field: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photographs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert overrides_of(*words) == {field: value.replace("{here}", str(tmp_path))}


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    given = {"masks": overrides_of("masks", "--iterations", "many", "--seed", "1.5")}
    with pytest.raises(UsageError, match=r"(?s)masks\.iterations.*masks\.seed"):
        resolve(Workspace(tmp_path), given)


def test_addresses_reach_the_command_whatever_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = str(tmp_path / "w")
    for words in (["-w", workspace, "a@b.c", "b@c.d"], ["a@b.c", "b@c.d", "-w", workspace]):
        assert main(["review", "invite", *words]) != 0
        assert "review.url" not in capsys.readouterr().err
