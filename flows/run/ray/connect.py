"""Start Ray on this machine, or join a cluster: always with a token, and with this code on every node.

Ray comes with the extra ``ray`` and is imported in this package alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from reground.flows.run.progress import show
from reground.flows.run.ray.shipping import copy_package
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, UsageError

ATTEMPTS: Final = 5
"""Starts of Ray on this machine: each has 30 s, a limit of Ray's own that a busy machine may pass."""
CONNECT_SECONDS: Final = 10.0
TOKEN_VARIABLES: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")

_addresses: list[str] = []
"""Of the Ray that this process uses, once it uses one."""


def require_ray() -> None:
    """Raises:
    UsageError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError("the runner 'ray' needs the package ray: `pip install reground[ray]`, or take threads.")


def start_ray(address: str = "") -> None:
    """Start Ray on this machine, or join the cluster at ``address``, unless this process uses it already.

    A Ray started here serves every step of this process and ends with it.

    Args:
        address: ``HOST:PORT`` of the head node, from a node of the cluster; ``ray://HOST:10001`` from elsewhere.

    Raises:
        UsageError: Ray is not installed, or there is no token for the cluster.
        RegroundError: it does not start, or the cluster does not let us in.
    """
    require_ray()
    import ray

    if ray.is_initialized():
        if _addresses == [address]:
            return
        ray.shutdown()
    _addresses[:] = [address]
    with _same_sigterm():
        if address:
            _join(address)
        else:
            _start()


def _start() -> None:
    import ray

    os.environ["RAY_AUTH_MODE"] = "token"
    if not set(TOKEN_VARIABLES) & os.environ.keys():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    _read_token_again()
    show(
        "Ray listens on every address of this machine, loopback or not, and refuses whoever lacks the token of "
        "this run; --runner threads or processes opens no port"
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init("local", num_cpus=cores(), include_dashboard=False, **_quiet())
            return
        except Exception as error:  # Ray raises no subclass where a node does not start
            ray.shutdown()
            if attempt == ATTEMPTS:
                raise RegroundError(f"Ray did not start: {error}") from error


def _join(address: str) -> None:
    import ray

    os.environ.setdefault("RAY_AUTH_MODE", "token")
    _require_token(_read_token_again())
    _require_listener(address)
    with tempfile.TemporaryDirectory() as folder:
        package = copy_package(Path(folder))
        try:
            ray.init(address, runtime_env={"py_modules": [str(package)]}, **_quiet())
        except Exception as error:
            ray.shutdown()
            raise RegroundError(
                f"the Ray cluster at {address} does not let us in: {error}. Set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH "
                "to a file, to the token that the cluster was started with, and install here the Ray version it runs. "
                "HOST:PORT works on a node of the cluster; from elsewhere take ray://HOST:10001."
            ) from error


def _quiet() -> dict[str, Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return {"logging_level": logging.ERROR, "log_to_driver": False}


def _read_token_again() -> bool:
    """Let Ray, which keeps mode and token of its import, read them anew. Whether it needs no token or has one."""
    from ray._private.authentication import authentication_token_setup as setup  # pyright: ignore[reportPrivateUsage]

    loader = setup.AuthenticationTokenLoader.instance()  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
    setup.Config.initialize("")  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
    loader.reset_cache()
    return os.environ["RAY_AUTH_MODE"].lower() != "token" or loader.has_token(ignore_auth_mode=True)


def _require_token(has_token: bool) -> None:
    if not has_token:
        raise UsageError(
            "a Ray cluster is joined with its token: set RAY_AUTH_TOKEN to it, or RAY_AUTH_TOKEN_PATH to a file that "
            "holds it."
        )


def _require_listener(address: str) -> None:
    """Raises:
    RegroundError: nobody listens at ``HOST:PORT``; Ray itself would wait for minutes.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # such as "auto", which only Ray can resolve
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise RegroundError(
            f"expected a Ray cluster at {address}, got: {error}. Start it with `ray start --head`, and give "
            "its address: --runner ray:HOST:6379 on a node of the cluster, --runner ray:ray://HOST:10001 elsewhere."
        ) from error


@contextlib.contextmanager
def _same_sigterm() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
