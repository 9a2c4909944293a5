"""The commands in docs/backgrounds.md can be given as they stand."""

from __future__ import annotations

import shlex

import pytest

from reground.flows.cli.main import parser
from tests.support.needs import ROOT

COMMANDS = [
    line for line in (ROOT / "docs" / "backgrounds.md").read_text().splitlines() if line.startswith("reground ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


def test_the_published_models_can_be_named() -> None:
    import torchvision

    (run,) = (command for command in COMMANDS if command.startswith("reground run"))
    names = vars(parser().parse_args(shlex.split(run)[1:]))["predict.models"]
    assert len(names) == 3
    for name in names:
        architecture, _, weights = name.removeprefix("torchvision:").partition("@")
        assert weights in torchvision.models.get_model_weights(architecture).__members__
