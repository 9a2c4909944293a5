"""Buckets of a real S3 server on this machine (moto), for tests that put files into an object store."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from reground.tasks.storage import Storage, open_storage
from tests.support.needs import need

SECRETS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


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
    """The address of a server that runs meanwhile; skips the test where moto is not installed."""
    program = shutil.which("moto_server", path=str(Path(sys.executable).parent)) or shutil.which("moto_server")
    need(program, "moto (`pip install moto[s3,server]`)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while not _answers(address):
            assert server.poll() is None, "moto ended while it started"
            time.sleep(0.1)
        yield address
    finally:
        server.kill()
        server.wait()


def make_bucket(address: str) -> Bucket:
    """A new bucket on a server; the environment has to name the server already."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    httpx.put(f"{address}/{name}").raise_for_status()
    return Bucket(f"s3://{name}", open_storage(f"s3://{name}"))


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code < 500
    except httpx.TransportError:
        return False


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
