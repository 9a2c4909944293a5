"""The Kubernetes manifests without a cluster: schemas, references between objects, and secrets in a rendered Job."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import kubernetes_validate
import pytest
import yaml

from reground.flows.run import use
from reground.flows.settings import resolve
from reground.tasks.workspace import Workspace
from tests.support.needs import ROOT

FOLDER = ROOT / "docker" / "kubernetes"
VERSION = "1.37"
MARKER = "marker-that-no-manifest-may-hold"
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGT]|[KMGT]i)?")


def objects() -> list[dict[str, Any]]:
    return [each for path in sorted(FOLDER.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text()) if each]


def pods(manifests: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for each in manifests:
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield each, each["spec"]["template"]["spec"]


def names(manifests: list[dict[str, Any]], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in manifests if each["kind"] == kind}


def faults(manifests: list[dict[str, Any]]) -> list[str]:
    """What schemas do not see: references to nothing, quantities, pods that take Services' names as settings."""
    bad = []
    labels = [each["spec"]["template"].get("metadata", {}).get("labels", {}) for each, _ in pods(manifests)]
    for each in manifests:
        selector = each.get("spec", {}).get("selector", {}) if each["kind"] in {"Service", "Deployment"} else {}
        wanted = selector.get("matchLabels", selector)
        if wanted and not any(wanted.items() <= pod.items() for pod in labels):
            bad.append(f"{each['metadata']['name']}: no pod matches {wanted}")
    for each, pod in pods(manifests):
        name = each["metadata"].get("name", "job")
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        claimed = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
        secrets = {v["secret"]["secretName"] for v in volumes.values() if "secret" in v}
        claims = {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v}
        if pod.get("enableServiceLinks") is not False:
            bad.append(f"{name}: service links")
        for container in pod["containers"]:
            mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
            bad += [f"{name}: mount {mount} has no volume" for mount in mounts - claimed - volumes.keys()]
            references = [
                entry["valueFrom"]["secretKeyRef"] for entry in container.get("env", []) if "valueFrom" in entry
            ]
            references += [entry["secretRef"] for entry in container.get("envFrom", [])]
            secrets |= {reference["name"] for reference in references}
            for part in container["resources"].values():
                bad += [f"{name}: quantity {q}" for q in part.values() if q and not QUANTITY.fullmatch(str(q))]
            if container.get("imagePullPolicy", "Always") not in {"Always", "IfNotPresent", "Never"}:
                bad.append(f"{name}: pull policy")
        bad += [f"{name}: no Secret {secret}" for secret in secrets - names(manifests, "Secret")]
        bad += [f"{name}: no claim {claim}" for claim in claims - names(manifests, "PersistentVolumeClaim")]
    return bad


def test_manifests_follow_the_schemas_strictly() -> None:
    manifests = objects()
    kinds = {each["kind"] for each in manifests}
    assert {"Deployment", "StatefulSet", "Service", "Role", "RoleBinding", "ServiceAccount", "Secret"} <= kinds
    for each in manifests:
        kubernetes_validate.validate(each, VERSION, strict=True)


def test_manifests_refer_to_what_is_there() -> None:
    assert faults(objects()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("selector: { app: prefect }", "selector: { app: perfect }", "no pod matches"),
        ("name: review, mountPath", "name: reviews, mountPath", "mount reviews has no volume"),
        ("memory: 512Mi", "memory: 512 MB", "quantity 512 MB"),
        ("enableServiceLinks: false", "enableServiceLinks: true", "service links"),
        ("secretName: postgres", "secretName: postgresql", "no Secret postgresql"),
        ("claimName: review", "claimName: revue", "no claim revue"),
    ],
)
def test_planted_faults_are_seen(old: str, new: str, fault: str) -> None:
    text = "\n---\n".join(path.read_text() for path in sorted(FOLDER.glob("*.yaml")))
    assert old in text
    assert fault in " ".join(faults([each for each in yaml.safe_load_all(text.replace(old, new)) if each]))


def test_secrets_have_no_values_and_no_other_object_holds_one() -> None:
    for each in objects():
        if each["kind"] == "Secret":
            assert not any(each["stringData"].values())
    for each, pod in pods(objects()):
        for container in pod["containers"]:
            for entry in container.get("env", []):
                secret = (
                    re.search("PASSWORD|TOKEN|AUTH_STRING$|DATABASE", entry["name"]) and "LEGACY" not in entry["name"]
                )
                value = entry.get("value", "/run/secrets")
                assert not secret or value.startswith("/run/secrets"), (each["metadata"], entry["name"])


def test_only_the_server_has_the_database() -> None:
    with_database = {
        each["metadata"]["name"]
        for each, pod in pods(objects())
        if "database-url" in yaml.safe_dump(pod, sort_keys=True)
    }
    assert with_database == {"prefect"}


def job_template() -> Any:
    spec = importlib.util.spec_from_file_location("job_template", FOLDER / "job_template.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def default_template() -> dict[str, Any]:
    """Prefect's own, made before a test changes the environment."""
    return job_template().default_template()


def worker_environment() -> list[dict[str, Any]]:
    (pod,) = (pod for each, pod in pods(objects()) if each["metadata"]["name"] == "prefect-worker")
    return pod["containers"][0]["env"]


def render_job(
    base: dict[str, Any], gpu: int, worker: list[dict[str, Any]], api_url: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The Job of a flow run, as the Kubernetes worker makes it in this environment; every secret is `MARKER`."""
    from prefect.client.schemas.objects import FlowRun
    from prefect.workers.base import BaseJobConfiguration

    for entry in worker:
        if entry["name"] != "PREFECT_API_URL":
            monkeypatch.setenv(entry["name"], entry.get("value", MARKER))
    # Of the flow runs alone; here to see that nobody copies the whole environment.
    for name in ("AWS_SECRET_ACCESS_KEY", "REGROUND_LABEL_STUDIO_TOKEN"):
        monkeypatch.setenv(name, MARKER)
    use(api_url)

    class Configuration(BaseJobConfiguration):
        job_manifest: dict[str, Any]

    made = Configuration.from_template_and_values(base_job_template=base, values={"gpu": gpu, "name": "curate"})
    configuration = asyncio.run(made)
    configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="a"))
    manifest = configuration.job_manifest
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    # As the Kubernetes worker does: environment as a list, the auth string as a reference, the command as words.
    container["env"] = [{"name": name, "value": value} for name, value in configuration.env.items()]
    named = {entry["name"]: entry.get("value") for entry in worker}
    prefix = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET"
    if named.get(f"{prefix}_NAME"):
        reference = {"name": named[f"{prefix}_NAME"], "key": named[f"{prefix}_KEY"]}
        container["env"] = [entry for entry in container["env"] if entry["name"] != "PREFECT_API_AUTH_STRING"]
        container["env"].append({"name": "PREFECT_API_AUTH_STRING", "valueFrom": {"secretKeyRef": reference}})
    container["args"] = str(configuration.command).split()
    manifest["metadata"].update(labels={}, namespace="default")
    return manifest


def test_a_run_finds_label_studio_by_its_service_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = job_template().adapt(job_template().default_template(), "image")["variables"]["properties"]["env"]["default"]
    url = urlsplit(env["REGROUND_REVIEW__URL"])
    (service,) = (each for each in objects() if each["kind"] == "Service" and each["metadata"]["name"] == url.hostname)
    assert url.port in {port["port"] for port in service["spec"]["ports"]}
    (pod,) = (pod for each, pod in pods(objects()) if each["metadata"]["name"] == url.hostname)
    root = {"name": "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT", "value": env["REGROUND_REVIEW__DOCUMENT_ROOT"]}
    assert root in pod["containers"][0]["env"]
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    settings = resolve(Workspace(tmp_path), {}).settings.review
    assert (settings.url, settings.document_root) == (env["REGROUND_REVIEW__URL"], root["value"])


@pytest.mark.slow
@pytest.mark.parametrize("gpu", [0, 1])
def test_a_rendered_job_is_valid_and_holds_no_secret(
    default_template: dict[str, Any], prefect_api: str, monkeypatch: pytest.MonkeyPatch, gpu: int
) -> None:
    worker, default = worker_environment(), default_template
    template = job_template().adapt(default, "reground-worker:0.1.0", "s3://bucket/workspace")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(render_job(default, gpu, worker, prefect_api, monkeypatch), VERSION, strict=True)
    job = render_job(template, gpu, worker, prefect_api, monkeypatch)
    kubernetes_validate.validate(job, VERSION, strict=True)
    assert MARKER not in yaml.safe_dump(job)
    assert faults([*objects(), job]) == []
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == gpu
    assert {"name": "REGROUND_WORKSPACE", "value": "s3://bucket/workspace"} in container["env"]
    assert container["envFrom"] == [{"secretRef": {"name": "reground-run"}}]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["the database", "no reference", "the whole environment"])
def test_a_secret_in_a_rendered_job_is_seen(
    default_template: dict[str, Any], prefect_api: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    worker, template = worker_environment(), job_template().adapt(default_template, "reground-worker:0.1.0")
    if fault == "the database":
        worker.append({"name": "PREFECT_SERVER_DATABASE_CONNECTION_URL", "valueFrom": {}})
    elif fault == "no reference":
        worker = [entry for entry in worker if "AUTH_STRING_SECRET" not in entry["name"]]
    else:
        monkeypatch.setenv("REGROUND_LABEL_STUDIO_TOKEN", MARKER)
        template["variables"]["properties"]["env"]["default"] = dict(os.environ)
    assert MARKER in yaml.safe_dump(render_job(template, 0, worker, prefect_api, monkeypatch))
