"""The web application of a Prefect server that answers to its own host names alone.

Run by uvicorn: ``uvicorn --factory reground.flows.run.prefect_app:create_app``. Prefect has no setting for host
names; without the check, a page of another site can point its own name at loopback and use the API from a
visitor's browser (DNS rebinding).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # The names of hosts are read by every command; the web framework takes a while to load.
    from fastapi import FastAPI

HOSTS: Final = "REGROUND_PREFECT_HOSTS"
"""Environment variable: host names of the server, with commas between."""
LOOPBACK: Final = "127.0.0.1,localhost"
PARENT: Final = "REGROUND_PREFECT_PARENT"
"""Environment variable: descriptor of a pipe whose other end the parent holds; unset: nobody ends with a parent."""
GRACE_SECONDS: Final = 10
"""For the server to end by itself."""


def create_app() -> FastAPI:
    """Prefect's application; requests for another host get status 400. The process ends with its parent (`PARENT`)."""
    from prefect.server.api import server
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = server.create_app(final=True)
    hosts = [host.strip() for host in os.environ.get(HOSTS, LOOPBACK).split(",")]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    if pipe := os.environ.pop(PARENT, ""):
        threading.Thread(target=_end_with_parent, args=(int(pipe),), daemon=True).start()
    return app


def _end_with_parent(pipe: int) -> None:
    os.read(pipe, 1)  # nobody writes: it returns once the parent has ended, however it ended
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
