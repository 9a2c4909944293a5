"""``reground serve``: the flows of a workspace on schedules, until stopped."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reground.flows import steps
from reground.flows.cli.examples import examples
from reground.flows.cli.options import Config, Prefect, WorkspaceUrl
from reground.flows.cli.result import Result
from reground.flows.run import prefect_server, show
from reground.flows.serve import deploy
from reground.flows.serve import serve as serve_flows
from reground.flows.settings import remembering, resolve_for
from reground.tasks import console
from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace

app = App(
    "serve",
    help_epilogue=examples(
        "reground serve -w W",
        "reground serve -w W --collect-every 60 --audit-cron '0 */4 * * *'",
        "reground serve -w W --prefect http://127.0.0.1:4200/api",
        "reground serve -w W --prefect http://127.0.0.1:4200/api --pool reground",
    ),
)


@app.default
def serve(
    *,
    workspace: WorkspaceUrl,
    config: Config = None,
    prefect: Prefect = "",
    port: Annotated[
        int | None,
        Parameter(help="Port of the workspace's own Prefect server.", metavar="PORT", show_default=lambda _: "4200"),
    ] = None,
    pool: Annotated[
        str,
        Parameter(
            help="Give the flows to this work pool of the server at --prefect, whose workers run them, and end.",
            metavar="NAME",
            show_default=False,
        ),
    ] = "",
    collect_every: Annotated[int, Parameter(help="Time between two collections of votes.", metavar="SECONDS")] = 600,
    audit_cron: Annotated[
        str, Parameter(help="When models are evaluated again, in UTC.", metavar="CRON")
    ] = "0 3 * * *",
) -> Result:
    """Serve the flows until interrupted."""
    here = Workspace(workspace)
    resolve_for([*steps.AUDIT, "review"], here, {}, config)
    if prefect and port is not None:
        raise UsageError(f"expected --port or --prefect, got both: {prefect} listens on its own port already.")
    if not prefect and not here.is_local:
        raise UsageError("expected a Prefect server for an object store: give its address with --prefect URL.")
    if pool and not prefect:
        raise UsageError("expected the Prefect server that has the work pool: give its address with --prefect URL.")
    if pool:
        names = deploy(prefect, here.url, pool, collect_every, audit_cron)
        return Result(f"deployed to the work pool {pool}: {', '.join(names)}", {"deployments": names})
    with remembering(here, {}, config), contextlib.ExitStack() as servers:
        if not prefect:
            show("starting a Prefect server on loopback (some 12 s the first time)")
            prefect = servers.enter_context(prefect_server(Path(here.root) / "prefect", port or 4200))
        console.write(f"the page with runs and schedules: {prefect.removesuffix('/api')}", sys.stderr)
        serve_flows(prefect, here.url, collect_every, audit_cron)
    return Result("stopped serving; the schedules are paused until you serve again")
