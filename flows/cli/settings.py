"""``reground settings`` and ``reground settings unset``."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from reground.flows.cli.examples import examples
from reground.flows.cli.execute import require_workspace
from reground.flows.cli.options import Config, WorkspaceUrl
from reground.flows.cli.result import Result
from reground.flows.settings import forget, resolve
from reground.tasks.text import join_lines
from reground.tasks.workspace import Workspace

app = App(
    "settings",
    help_epilogue=examples(
        "reground settings -w W",
        "reground settings -w W --config reground.toml    # with this file",
        "reground settings unset masks.method -w W",
    ),
)


@app.default
def settings(*, workspace: WorkspaceUrl, config: Config = None) -> Result:
    """Show every setting."""
    here = Workspace(workspace)
    require_workspace(here)
    rows = resolve(here, {}, config).rows()
    data = [
        {
            "name": row.name,
            "value": row.value,
            "source": row.origin.kind,
            "place": row.origin.place,
            "help": row.help,
        }
        for row in rows
    ]
    cells = [("setting", "source", "value"), *((row.name, str(row.origin), _text(row.value)) for row in rows)]
    name, source = (max(len(line[column]) for line in cells) for column in (0, 1))
    lines = [f"{line[0]:<{name}}  {line[1]:<{source}}  {line[2]}" for line in cells]
    return Result(join_lines(lines), {"settings": data})


@app.command(help_epilogue=examples("reground settings unset masks.method -w W"))
def unset(
    name: Annotated[str, Parameter(help="STEP.FIELD, as `reground settings` lists it.")],
    /,
    *,
    workspace: WorkspaceUrl,
) -> Result:
    """Take a remembered setting back: environment, file or default decide again."""
    here = Workspace(workspace)
    require_workspace(here)
    forget(here, name)
    row = next((row for row in resolve(here, {}).rows() if row.name == name), None)
    now = f"; it is {_text(row.value)} now ({row.origin})" if row else ""
    return Result(f"{name} is no longer remembered{now}", {"unset": name, "value": row.value if row else None})


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value)) or '""'
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value != "" else '""'
