"""The services of docker/compose.yaml as processes of this machine: its commands and settings, at other addresses."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from dockerfile_parse import DockerfileParser

from reground.flows.run.prefect_server import stop_group
from reground.tasks.ports import free_port
from tests.support.needs import LABEL_STUDIO, ROOT
from tests.support.postgres import HOST, postgres_server, wait_for

DOCKER = ROOT / "docker"
PORTS = {"postgres": 5432, "prefect": 4200, "label-studio": 8080, "worker": 8080}
"""Of each service, in its container."""
BINARIES = {"docker/Dockerfile": ROOT / ".venv" / "bin", "docker/label-studio.Dockerfile": LABEL_STUDIO.parent}
"""Dockerfile of an image -> what its programs are here."""


class Compose:
    """Services as the compose file describes them, below one folder."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        self.folder, self.workspace = folder, workspace
        file = yaml.safe_load((DOCKER / "compose.yaml").read_text())
        self.services: dict[str, Any] = file["services"]
        self.builds = {each["image"]: each["build"] for each in self.services.values() if "build" in each}
        self.ports = {name: free_port(HOST, 0, name, "nothing") for name in PORTS}
        self.secrets = {name: folder / secret["file"] for name, secret in file["secrets"].items()}
        (folder / "home").mkdir()
        make_secrets = folder / "make-secrets"
        make_secrets.write_text((DOCKER / "make-secrets").read_text())
        subprocess.run(["sh", str(make_secrets)], check=True, capture_output=True)

    @contextlib.contextmanager
    def postgres(self) -> Iterator[None]:
        environment = self.services["postgres"]["environment"]
        password = Path(self.local("postgres", environment["POSTGRES_PASSWORD_FILE"]))
        script = self.mounts()["/docker-entrypoint-initdb.d/databases.sql"]
        with postgres_server(environment["POSTGRES_USER"], password, Path(script)) as self.ports["postgres"]:
            yield

    @contextlib.contextmanager
    def start(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a service; its health is not waited for."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(name),
                env=self.environment(name),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            stop_group(process)

    def wait_until_healthy(self, name: str, process: subprocess.Popen[bytes]) -> None:
        _, *check = self.services[name]["healthcheck"]["test"]
        command = [self.local(name, word) for word in check]
        wait_for(command, self.environment(name), process, self.folder / f"{name}.log")

    def run(self, name: str, *command: str) -> str:
        """Run a command in a service's environment, by default its own, to its end; returns what it printed."""
        done = subprocess.run(
            list(command) or self.command(name),
            env=self.environment(name),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def command(self, name: str) -> list[str]:
        words = self.services[name].get("command", "").split() or self._dockerfile_command(name)
        return [self.local(name, word) for word in words]

    def environment(self, name: str) -> dict[str, str]:
        """Of the image and the compose file; nothing of this process but where home is."""
        path = self._dockerfile(name)
        image = DockerfileParser(str(ROOT / path)).envs if path else {}
        own = {**image, **self.services[name].get("environment", {})}
        scripts, home = self._scripts(name), self.folder / "home"
        places = [str(scripts), str(BINARIES[path]), "/usr/bin", "/bin"] if path else ["/usr/bin", "/bin"]
        return {
            **{key: HOST if value in PORTS else self.local(name, str(value)) for key, value in own.items()},
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": ":".join(places),
            **({"PYTHONPATH": str(ROOT)} if path == "docker/Dockerfile" else {}),
            # The health check of the worker.
            "PREFECT_WORKER_WEBSERVER_HOST": HOST,
            "PREFECT_WORKER_WEBSERVER_PORT": str(self.ports["worker"]),
        }

    def mounts(self) -> dict[str, str]:
        """Path in the containers -> path here."""
        folders = {"REGROUND_WORKSPACE": self.workspace, "REGROUND_IMAGES": self.folder / "images"}
        found = {"/home/reground": str(self.folder / "home")}
        for volume in itertools.chain(*(service.get("volumes", []) for service in self.services.values())):
            source, target, *_ = re.sub(r"\$\{(\w+):\?.*?\}", lambda name: str(folders[name[1]]), volume).split(":")
            found[target] = str(DOCKER / source if source.startswith("./") else self.folder / source)
        return found

    def local(self, name: str, text: str) -> str:
        """A text of a service's container, with the addresses and paths that hold here."""
        places = {f"/run/secrets/{secret}": str(path) for secret, path in self.secrets.items()} | self.mounts()
        for target in sorted(places, key=len, reverse=True):
            text = re.sub(rf"(?<![\w/.]){re.escape(target)}(?![\w.-])", places[target], text)
        for other, port in PORTS.items():
            text = text.replace(f"{other}:{port}", f"{HOST}:{self.ports[other]}")
        for other in {name, "postgres", "prefect"} & PORTS.keys():
            text = re.sub(rf"\b{PORTS[other]}\b", str(self.ports[other]), text)
        return text.replace("0.0.0.0", HOST)

    def _dockerfile(self, name: str) -> str:
        build = self.builds.get(self.services[name]["image"])
        return build["dockerfile"] if build else ""

    def _dockerfile_command(self, name: str) -> list[str]:
        return yaml.safe_load(DockerfileParser(str(ROOT / self._dockerfile(name))).cmd)

    def _scripts(self, name: str) -> Path:
        """The folder with the scripts of docker/ as a service sees them."""
        folder = self.folder / f"scripts-{name}"
        if not folder.exists():
            folder.mkdir()
            for path in DOCKER.iterdir():
                if path.is_file() and os.access(path, os.X_OK):
                    (folder / path.name).write_text(self.local(name, path.read_text()))
                    (folder / path.name).chmod(0o755)
        return folder
