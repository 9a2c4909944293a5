"""``reground status``: what is done, what is open, who waits for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cyclopts import App

from reground.flows import steps
from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace, summary
from reground.flows.cli.options import Config, WorkspaceUrl
from reground.flows.cli.result import Result
from reground.flows.provenance import origins
from reground.flows.settings import resolve
from reground.tasks.errors import RegroundError
from reground.tasks.text import visible
from reground.tasks.votes import count_states, describe_states
from reground.tasks.workspace import Workspace, step_status

app = App("status", help_epilogue=examples("reground status -w W", "reground status -w W --json"))


@app.default
def status(*, workspace: WorkspaceUrl, config: Config = None) -> Result:
    """Show how far each step is, and where votes and predictions come from."""
    here = Workspace(workspace).snapshot()
    require_workspace(here)
    settings = resolve(here, {}, config).settings
    progress: dict[str, dict[str, Any]] = {}
    for name in steps.MODULES:
        if name not in steps.RUN and not here.entries(name):
            continue
        try:
            progress[name] = asdict(step_status(steps.find(name), here, settings.of(name)))
        except RegroundError as error:
            # Settings are checked without a workspace, so that their faults call it W.
            progress[name] = {"blocked": str(error).replace(" -w W`", f" -w {here.shell_url}`")}
    rest = summary(here, list(steps.MODULES))
    lines = [_line(name, state) for name, state in progress.items()]
    truth = here.read_arrow("truth", ["state", "outcome"])
    states = count_states(truth) if len(truth) else {}
    if states:
        lines += ["", f"images: {describe_states(states)}"]
    sources = list(origins(here))
    text = "\n".join([*map(visible, lines), "", rest.text, *map(visible, map(str, sources))])
    return Result(
        text, {"steps": progress, "states": states, **rest.data, "sources": [asdict(source) for source in sources]}
    )


def _line(name: str, state: Mapping[str, Any]) -> str:
    if "blocked" in state:
        return f"{name:<11} waits: {state['blocked']}"
    if state["shards"] is None:
        return f"{name:<11} {state['done']} shards made; `reground {name}` finds out what is missing"
    note = ", as of its last run" if state["is_as_of_last_run"] else ""
    return f"{name:<11} {state['done']} of {state['shards']} shards done{note}"
