"""Steps with a model on a cluster of two nodes with a GPU each: the bytes of threads, whatever is lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from reground.tasks.errors import UsageError
from reground.tasks.workspace import Workspace
from tests.support.model_steps import Interruption, ModelSteps, model_steps
from tests.support.needs import ROOT
from tests.support.ray_cluster import actor_processes, local_ray, ray_cluster
from tests.support.waiting import HANG, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> ModelSteps:
    return model_steps(tmp_path_factory.mktemp("steps"))


@pytest.fixture(scope="module")
def by_threads(steps: ModelSteps, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    content = steps.run(tmp_path_factory.mktemp("threads") / "w", "threads")
    assert sum(path.startswith("tables/predictions") for path in content) > 20
    assert sum(path.startswith("tables/adversarial_pairs") for path in content) == 6
    return content


def test_a_cluster_makes_the_bytes_of_threads(
    steps: ModelSteps, by_threads: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ray_cluster((1, 1), (1, 1)) as cluster:
        with pytest.raises(UsageError, match=r"room for one worker of .* \(1 CPU and 4 GPUs\), its nodes have 1 CPU"):
            steps.run(tmp_path / "refused", cluster.runner, num_gpus=("1", f"{steps.models[1]}=4"))
        assert "predict" not in Workspace(tmp_path / "refused").steps()
        killing = Interruption(lambda: [process.kill() for process in actor_processes()])
        assert steps.run(tmp_path / "w", cluster.runner, killing, num_gpus=("0.5",)) == by_threads
        import ray

        @ray.remote
        def path_of_worker() -> list[str]:
            return sys.path

        shipped = [path for path in ray.get(path_of_worker.remote()) if "py_modules_files" in path]
        assert [Path(path, "reground/flows/run/ray/worker.py").is_file() for path in shipped] == [True]
    said = capsys.readouterr().err
    assert "predict: 40 shards on" in said and "ms a shard for work; " in said and "made again" in said
    assert "adversarial: 8 shards on" in said


def test_a_lost_node_changes_no_byte(steps: ModelSteps, by_threads: dict[str, str], tmp_path: Path) -> None:
    with ray_cluster((1, 1), (1, 1)) as cluster:
        assert steps.run(tmp_path / "w", cluster.runner, Interruption(cluster.kill_node)) == by_threads


TERMINATED = """
import sys
from pathlib import Path
from reground.flows.cli.main import exit_on_sigterm
from reground.flows.run.local import parse_runner, run_step
from reground.flows.settings import resolve
from reground.tasks.workspace import Workspace
from tests.support.model_steps import Interruption

if __name__ == "__main__":
    exit_on_sigterm()
    folder, ready, images, boxes, *models = sys.argv[1:]
    settings = {"index": {"images": images, "boxes": boxes}, "predict": {"models": models}}
    workspace = Workspace(folder)
    watch = Interruption(Path(ready).touch)
    run_step("predict", workspace, resolve(workspace, settings).settings.predict, parse_runner("ray"), watch)
"""


def test_sigterm_ends_a_run_and_all_its_processes(steps: ModelSteps, tmp_path: Path) -> None:
    folder, ready = tmp_path / "w", tmp_path / "ready"
    shutil.copytree(steps.workspace, folder)
    index = steps.settings["index"]
    arguments = [str(folder), str(ready), index["images"], index["boxes"], *steps.models]
    with local_ray():
        process = subprocess.Popen([sys.executable, "-c", TERMINATED, *arguments], cwd=ROOT, stdout=subprocess.PIPE)
        wait_until(lambda: ready.exists() or process.poll() is not None)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) > 3
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG)
    assert process.returncode == 143
    assert psutil.wait_procs(children, timeout=HANG)[1] == []
