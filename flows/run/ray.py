"""Ray as a `concurrent.futures.Executor`: the same calls as threads and processes, on a cluster.

Ray comes with the extra ``ray`` and is imported here alone.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from reground.flows.run.progress import show
from reground.tasks.cores import cores
from reground.tasks.errors import RegroundError, UsageError

ATTEMPTS: Final = 5
"""Starts of Ray on this machine: each has 30 s, a limit of Ray's own that a busy machine may pass."""
P = ParamSpec("P")
T = TypeVar("T")


def require_ray() -> None:
    """Raises:
    UsageError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError("the runner 'ray' needs the package ray: `pip install reground[ray]`, or take threads.")


def start_ray(address: str = "") -> None:
    """Start Ray on this machine, or join the cluster at ``address`` (``ray://HOST:10001``), unless it runs already.

    Raises:
        UsageError: Ray is not installed.
        RegroundError: it does not start.
    """
    require_ray()
    import ray

    _require_token(address)
    for attempt in range(1, ATTEMPTS + 1):
        if ray.is_initialized():
            return
        try:
            ray.init(address or "local", **_options(address))
        except Exception as error:  # Ray raises no subclass where a node does not start
            ray.shutdown()
            if address or attempt == ATTEMPTS:
                raise RegroundError(f"Ray did not start{f' at {address}' if address else ''}: {error}") from error


def _require_token(address: str) -> None:
    """Whoever reaches Ray's ports could run code: only who has the token may. A local Ray gets one of its own."""
    import ray

    if address:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    elif not ray.is_initialized():
        os.environ["RAY_AUTH_MODE"] = "token"
        if not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        # Ray keeps mode and token of its import.
        from ray._private.authentication import authentication_token_setup as setup  # pyright: ignore[reportPrivateUsage]

        setup.Config.initialize("")  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
        setup.AuthenticationTokenLoader.instance().reset_cache()  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
        show(
            "Ray listens on every address of this machine, loopback or not, and refuses whoever lacks the token of "
            "this run; --runner threads or processes opens no port"
        )


def _options(address: str) -> dict[str, Any]:
    """Arguments of ``ray.init``: a quiet Ray on this machine, or quietly joining the one at ``address``."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    return quiet if address else {**quiet, "num_cpus": cores(), "include_dashboard": False}


class RayExecutor(ThreadPoolExecutor):
    """Calls run in Ray workers, one core each; whatever they raise arrives as it was raised.

    A local thread waits for each call under way, and no more calls are handed to Ray than it has
    cores: what Ray holds can hardly be cancelled, what waits here can. A worker that dies is
    replaced and its call made again (Ray's own retries): a shard's commit may safely happen
    twice. A Ray started here outlives the executor, so that the next step need not start
    another; it ends with this process.
    """

    def __init__(self, address: str = "") -> None:
        """Start Ray on this machine, or join the cluster at ``address`` (``ray://HOST:10001``).

        Raises:
            UsageError: Ray is not installed.
            RegroundError: it does not start.
        """
        start_ray(address)
        import ray

        self._ray, self._call = ray, ray.remote(_call)
        super().__init__(max_workers=int(ray.cluster_resources()["CPU"]))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `concurrent.futures.Executor.submit`; function, arguments and result are pickled.

        The future raises what ``fn`` raised, or a `RegroundError` where Ray itself gave up.
        """
        return super().submit(self._wait_for, fn, *args, **kwargs)

    def _wait_for(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return self._ray.get(self._call.remote(fn, *args, **kwargs))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayError as error:
            raise RegroundError(
                f"Ray could not run a batch: {error}. Everything listed in the manifest is kept: "
                "run the same command again once the cluster is well."
            ) from error


def _call(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return fn(*args, **kwargs)
