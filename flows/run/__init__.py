"""Where and how a step runs: on this machine, in Prefect, on Ray."""

from reground.flows.run.batch import BATCHES, Batch, add_batch, batches, run_batch
from reground.flows.run.local import Runner, parse_runner, run_step, settled
from reground.flows.run.prefect import deliver, require_server, use
from reground.flows.run.prefect_server import prefect_server
from reground.flows.run.progress import Bars, Lines, Silence, is_listening, listen, show, watch
from reground.flows.run.ray.step import run_on_ray
from reground.flows.run.worker_processes import follow_parent, terminate_workers

__all__ = [
    "Bars",
    "Lines",
    "Silence",
    "BATCHES",
    "Batch",
    "Runner",
    "add_batch",
    "batches",
    "deliver",
    "follow_parent",
    "is_listening",
    "listen",
    "parse_runner",
    "prefect_server",
    "require_server",
    "run_batch",
    "run_on_ray",
    "run_step",
    "settled",
    "show",
    "terminate_workers",
    "use",
    "watch",
]
