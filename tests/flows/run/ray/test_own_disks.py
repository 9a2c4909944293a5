"""Nodes that share no disk: images and workspace in an object store are all that they need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bucket import SECRETS, make_bucket, s3_server
from tests.support.needs import ROOT
from tests.support.ray_cluster import ray_cluster
from tests.support.world import make_world

pytestmark = pytest.mark.slow

COMMANDS = """
import json, sys
from reground.flows.cli.main import main
from reground.tasks.workspace import Workspace

def index(workspace, runner):
    words = [f"{data}/images", "--boxes", f"{data}/boxes", "--shard-size", "2"]
    return main(["index", *words, "-w", workspace, "--runner", runner])

def digests(workspace, runner):
    predict = ["predict", "--models", "efficientnet-lite0", "--on", "photographs"]
    assert index(workspace, runner) == 0
    assert not any([main([*words, "-w", workspace, "--runner", runner]) for words in (["masks"], predict)])
    entries = Workspace(workspace).entries()
    return {part.path: part.digest for entry in entries for part in (*entry.tables.values(), *entry.files.values())}

if __name__ == "__main__":
    data, bucket, folder, runner = sys.argv[1:]
    print(json.dumps([digests(f"{bucket}/threads", "threads:2"), digests(f"{bucket}/ray", runner)]))
    sys.exit(index(folder, runner))
"""
"""The digest of every file that the steps make, by threads and by Ray; at last a workspace in a folder.

In a process of its own: its connections lie in the network of the cluster.
"""


def test_nodes_without_a_shared_disk_make_the_bytes_of_threads(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_world(tmp_path / "world", per_class=2)
    with ray_cluster((0, 0)) as cluster, s3_server() as address:
        for name, value in {**SECRETS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        bucket = make_bucket(address)
        data = bucket.upload(tmp_path / "world", "world")
        words = [data, bucket.url, str(tmp_path / "w"), cluster.runner]
        with cluster.machines(2, tmp_path_factory.getbasetemp()):
            run = subprocess.run([sys.executable, "-c", COMMANDS, *words], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1 and "has written: it is not here" in run.stderr, run.stderr
    by_threads, by_ray = json.loads(run.stdout.splitlines()[-1])
    assert by_ray == by_threads
    assert {path.split("/")[1] for path in by_threads} >= {"images", "masks", "predictions"}
    for step in ("index", "masks", "predict"):
        assert re.search(rf"^{step}: [\d,]+ shards on [12] workers of Ray", run.stderr, re.MULTILINE)
