"""Where and how a step runs: on this machine, in Prefect, on Ray."""

from reground.flows.run.local import BATCHES, Runner, batches, parse_runner, run_batch, run_step, settled
from reground.flows.run.prefect import FLOWS, find_flow, run_under_prefect, use
from reground.flows.run.prefect_server import prefect_server
from reground.flows.run.progress import listen, watch
from reground.flows.run.ray import ray_options, require_ray

__all__ = [
    "BATCHES",
    "FLOWS",
    "Runner",
    "batches",
    "find_flow",
    "listen",
    "parse_runner",
    "prefect_server",
    "ray_options",
    "require_ray",
    "run_batch",
    "run_step",
    "run_under_prefect",
    "settled",
    "use",
    "watch",
]
