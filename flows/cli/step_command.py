"""Make the command of a step, or of several: an option for each of their settings."""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App

from reground.flows.cli.examples import examples
from reground.flows.cli.execute import run_steps
from reground.flows.cli.options import Config, Overrides, Prefect, Runner, WorkspaceUrl, takes_settings
from reground.flows.cli.result import Result


def step_command(step: str, *example_lines: str, positional: str = "") -> App:
    """The command of one step, under the step's name.

    Args:
        step: its name.
        example_lines: for the end of the help.
        positional: setting that is given without a flag.
    """
    app = App(step, help_epilogue=examples(*example_lines))
    app.default(step_action(step, step, positional=positional))
    return app


def step_action(command: str, *step_names: str, positional: str = "") -> Callable[..., Result]:
    """A function that runs some steps in order, as cyclopts makes a command of it.

    Args:
        command: words after ``reground``.
        step_names: the steps; a single one runs as the flow of its name, several as the flow ``command``.
        positional: setting that is given without a flag.
    """
    flow = step_names[0] if len(step_names) == 1 else command

    @takes_settings(*step_names, positional=positional)
    def run(
        *,
        workspace: WorkspaceUrl,
        overrides: Overrides,
        config: Config = None,
        runner: Runner = None,
        prefect: Prefect = "",
    ) -> Result:
        if runner is not None:
            overrides["runner"] = runner
        return run_steps(command, flow, step_names, workspace, overrides, config, prefect)

    return run
