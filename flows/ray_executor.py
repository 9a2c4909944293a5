"""Ray as a `concurrent.futures.Executor`: the same calls as threads and processes, on a cluster.

Ray comes with the extra ``ray`` and is imported here alone.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from tasks.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")


def require_ray() -> None:
    """Raises:
    UsageError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError("the runner 'ray' needs the package ray: `pip install reground[ray]`, or take threads.")


def ray_options(address: str = "") -> dict[str, Any]:
    """Arguments of ``ray.init``: a quiet Ray on this machine, or quietly joining the one at ``address``."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    return quiet if address else {**quiet, "num_cpus": os.cpu_count(), "include_dashboard": False}


class RayExecutor(Executor):
    """Calls run in Ray workers, one core each; whatever they raise arrives as it was raised.

    A worker that dies is replaced and its call made again (Ray's own retries): a shard's
    commit may safely happen twice. A Ray started here outlives the executor, so that the next
    step need not start another; it ends with this process.
    """

    def __init__(self, address: str = "") -> None:
        """Start Ray on this machine, or join the cluster at ``address`` (``ray://HOST:10001``).

        Raises:
            UsageError: Ray is not installed.
        """
        require_ray()
        import ray

        self._ray, self._call = ray, ray.remote(_call)
        if not ray.is_initialized():
            ray.init(address or "local", **ray_options(address))
        self._running: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        reference = self._call.remote(fn, *args, **kwargs)
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        self._running[future] = reference
        reference.future().add_done_callback(lambda done: self._pass_on(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for future, reference in list(self._running.items()):
            if cancel_futures:
                self._ray.cancel(reference)
            if wait:
                future.exception()

    def _pass_on(self, done: Future[Any], future: Future[Any]) -> None:
        self._running.pop(future, None)
        error = done.exception()
        if error is None:
            future.set_result(done.result())
        else:
            # Ray wraps what a call raised together with its remote traceback.
            future.set_exception(getattr(error, "cause", None) or error)


def _call(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return fn(*args, **kwargs)
