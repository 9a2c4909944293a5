"""Archives of arrays from elsewhere: a member inflates up to a limit, whatever the archive says of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reground.tasks.files import ContentError, Npz


def test_arrays_come_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, ids=np.arange(3), info=np.array([["a", "b"]]), tensor=np.arange(12).reshape(2, 3, 2))
        with Npz(path) as archive:
            assert archive.names == ("ids", "info", "tensor")
            assert archive.read("ids").tolist() == [0, 1, 2] and archive.read("info").tolist() == [["a", "b"]]
            with archive.open("tensor") as tensor:
                assert tensor.header.shape == (2, 3, 2)
                assert [tensor.read(6).tolist(), tensor.read(6).tolist()] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
                with pytest.raises(ContentError, match="ends early"):
                    tensor.read(1)


def write(path: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("ids.npy", content)


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return buffer.getvalue()


def promise(path: Path) -> None:
    """The archive's directory says that the member has terabytes."""
    write(path, array(), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 20 : at + 28] = b"\xfe\xff\xff\xff" * 2
    path.write_bytes(content)


def encrypt(path: Path) -> None:
    write(path, array(), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: write(path, bytes(10**8)), "over 40,000,000 bytes, the limit for it"),
        (lambda path: write(path, array()[:-1]), "23 follow"),
        (promise, r"ids\.npy is damaged"),
        (encrypt, r"ids\.npy is damaged.*(encrypted|password)"),
        (lambda path: write(path, array(), zipfile.ZIP_LZMA), "compressed by the method 14"),
        (lambda path: write(path, array(), zipfile.ZIP_BZIP2), "compressed by the method 12"),
        (lambda path: path.write_bytes(b"PK"), "not an archive"),
        (lambda path: np.savez(path, other=np.arange(3)), r"expected an array ids\.npy in it, found other\.npy"),
        (lambda path: np.savez(path, ids=np.array([None])), "no pickled objects"),
    ],
)
def test_what_is_refused(tmp_path: Path, spoil: Callable[[Path], object], complaint: str) -> None:
    path = tmp_path / "a.npz"
    spoil(path)
    with pytest.raises(ContentError, match=complaint), Npz(path) as archive:
        archive.read("ids")


def test_archives_have_a_limit(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", array(), zipfile.ZIP_STORED)
    with pytest.raises(ContentError, match="over 100 bytes"):
        Npz(tmp_path / "a.npz", 100)
    with pytest.raises(FileNotFoundError):
        Npz(tmp_path / "none.npz")
