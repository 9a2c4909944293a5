"""What can be checked of the containers without an engine: the compose file and the Dockerfiles."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from dockerfile_parse import DockerfileParser

from tests.support.needs import ROOT

DOCKER = ROOT / "docker"
DOCKERFILES = [DOCKER / "Dockerfile", DOCKER / "label-studio.Dockerfile"]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_the_compose_file_follows_the_specification() -> None:
    text = re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "/somewhere", (DOCKER / "compose.yaml").read_text())
    merged = yaml.safe_dump(yaml.safe_load(text))  # the parser leaves YAML's merge keys alone
    parsed = PyCompose.from_yaml(merged)
    parsed.validate()
    assert {"postgres", "prefect", "label-studio", "worker", "worker-gpu", "deploy"} <= set(parsed.service_names())


def test_ports_are_on_loopback(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_prefect_answers_to_its_own_names_alone(compose: dict[str, Any]) -> None:
    environment = compose["services"]["prefect"]["environment"]
    assert environment["REGROUND_PREFECT_HOSTS"] == "127.0.0.1,localhost,prefect"
    assert environment["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4200"
    assert "reground.flows.run.prefect_app:create_app" in compose["services"]["prefect"]["command"]


def test_no_password_has_a_default(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD|TOKEN|SECRET", name) and "LEGACY" not in name
            assert not secret or str(value).startswith("/run/secrets/"), name
    assert {secret["file"] for secret in compose["secrets"].values()} == {
        f"./secrets/{name}" for name in ("postgres_password", "label_studio_password", "label_studio_token")
    }


def test_every_service_that_stays_has_a_health_check_and_whatever_waits_waits_for_health(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert ("healthcheck" in service) == (name != "deploy"), name
        for other, how in service.get("depends_on", {}).items():
            ready = "service_healthy" if "healthcheck" in services[other] else "service_completed_successfully"
            assert how == {"condition": ready}, (name, other)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_dockerfiles_copy_what_is_there_pin_their_base_and_drop_root(path: Path) -> None:
    steps = DockerfileParser(str(path)).structure
    instructions = [step["instruction"] for step in steps]
    assert re.search(r":\d", steps[instructions.index("FROM")]["value"])
    assert "USER" in instructions
    for step in steps:
        if step["instruction"] == "COPY":
            *sources, _ = [word for word in step["value"].split() if not word.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), step["value"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_modules_are_compiled_in_the_image(path: Path) -> None:
    # Nothing compiles them later: the user of a container may not write where they lie.
    assert DockerfileParser(str(path)).envs["UV_COMPILE_BYTECODE"] == "1"
    copied = {line.split()[1] for line in path.read_text().splitlines() if re.match(r"COPY (\w+) \1$", line)}
    compiled = set("".join(re.findall(r"python -m compileall -q (.*)", path.read_text())).split())
    assert compiled == copied


def test_secrets_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_text((DOCKER / "make-secrets").read_text())
    made = []
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
        files = sorted((tmp_path / "secrets").iterdir())
        assert all(path.stat().st_mode & 0o077 == 0 for path in [*files, tmp_path / "secrets"])
        made.append([path.read_text() for path in files])
    assert made[0] == made[1] and len(set(made[0])) == 3
    assert all(re.fullmatch("[0-9a-f]{40}", secret) for secret in made[0])


@pytest.mark.parametrize(
    "name", ["with-database", "with-token", "label-studio-start", "deploy-reground", "make-secrets"]
)
def test_scripts_are_posix_shell_and_executable(name: str) -> None:
    assert (DOCKER / name).stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(DOCKER / name)], check=True)


def test_the_image_has_every_folder_that_the_package_links_to() -> None:
    copied = [step["value"].split()[0] for step in DockerfileParser(str(DOCKER / "Dockerfile")).structure]
    links = [path for path in (ROOT / "reground").iterdir() if path.is_symlink()]
    assert len(links) == 3
    assert {path.readlink().name for path in links} <= set(copied)
