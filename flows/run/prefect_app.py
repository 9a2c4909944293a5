"""The web application of a Prefect server that answers to its own host names alone.

Run by uvicorn: ``uvicorn --factory reground.flows.run.prefect_app:create_app``. Prefect has no setting for host
names; without the check, a page of another site can point its own name at loopback and use the API from a
visitor's browser (DNS rebinding).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # The names of hosts are read by every command; the web framework takes a while to load.
    from fastapi import FastAPI

HOSTS: Final = "REGROUND_PREFECT_HOSTS"
"""Environment variable: host names of the server, with commas between."""
LOOPBACK: Final = "127.0.0.1,localhost"


def create_app() -> FastAPI:
    """Prefect's application; requests for another host get status 400."""
    from prefect.server.api import server
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = server.create_app(final=True)
    hosts = [host.strip() for host in os.environ.get(HOSTS, LOOPBACK).split(",")]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    return app
