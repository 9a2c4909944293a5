"""Write the base job template of a Kubernetes work pool, made from Prefect's own default.

python docker/kubernetes/job_template.py IMAGE [WORKSPACE_URL] > job-template.json
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any

REVIEW = {
    "REGROUND_REVIEW__URL": "http://label-studio:8080",
    "REGROUND_REVIEW__DOCUMENT_ROOT": "/label-studio/documents",
}
"""Where a run finds Label Studio (its Service), and the folder that both see."""


def default_template() -> dict[str, Any]:
    """Prefect's default for Kubernetes; works without prefect-kubernetes."""
    command = [sys.executable, "-m", "prefect", "work-pool", "get-default-base-job-template", "--type", "kubernetes"]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed[printed.index("{") :])


def adapt(default: dict[str, Any], image: str, workspace_url: str = "") -> dict[str, Any]:
    """The template with an image, resources, GPUs, the Secret ``reground-run`` and the volume ``review``.

    Args:
        default: Prefect's own template; not changed.
        image: of the flow runs.
        workspace_url: an object store, in the environment of every run; empty: none.
    """
    template = copy.deepcopy(default)
    variables = template["variables"]["properties"]
    job = template["job_configuration"]["job_manifest"]["spec"]
    pod = job["template"]["spec"]
    container = pod["containers"][0]
    # Prefect puts these two into the pod, where a strict server refuses them: they belong to the Job.
    for name in ("completions", "parallelism"):
        if name in pod:
            job[name] = pod.pop(name)
    for name, value in {
        "image": image,
        "cpu_request": "2",
        "memory_request": "4Gi",
        "memory_limit": "8Gi",
        "finished_job_ttl": 86400,
    }.items():
        variables[name]["default"] = value
    variables["env"]["default"] = REVIEW | ({"REGROUND_WORKSPACE": workspace_url} if workspace_url else {})
    variables["gpu"] = {"title": "GPUs", "type": "integer", "default": 0, "minimum": 0}
    container["resources"]["limits"]["nvidia.com/gpu"] = "{{ gpu }}"
    container["envFrom"] = [{"secretRef": {"name": "reground-run"}}]
    container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container["volumeMounts"] = [
        {"name": "shared-memory", "mountPath": "/dev/shm"},
        {"name": "review", "mountPath": REVIEW["REGROUND_REVIEW__DOCUMENT_ROOT"]},
    ]
    pod.update(
        enableServiceLinks=False,
        automountServiceAccountToken=False,
        terminationGracePeriodSeconds=60,
        securityContext={"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        volumes=[
            {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
            {"name": "review", "persistentVolumeClaim": {"claimName": "review"}},
        ],
    )
    return template


if __name__ == "__main__":
    json.dump(adapt(default_template(), *sys.argv[1:]), sys.stdout, indent=1)
