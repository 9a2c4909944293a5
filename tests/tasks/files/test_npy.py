"""Arrays from elsewhere: no more is allocated than the file holds, whatever its header promises."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from reground.tasks.files import ContentError, parse_npy


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), version=version)
    return buffer.getvalue()


def with_header(descr: object, shape: object, values: bytes = b"", fortran: object = False) -> bytes:
    """A file whose header says what it likes."""
    header = f"{{'descr': {descr!r}, 'fortran_order': {fortran!r}, 'shape': {shape!r}}}\n".encode()
    return b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + values


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.uint16),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([["a", "\u00e9\u00e9"]]),
        np.array([b"ab"]),
        np.array(True),
        np.zeros((0, 3), np.int8),
        np.array([1, 2], ">i8"),
    ],
)
def test_arrays_come_as_they_are(array: np.ndarray, version: tuple[int, int]) -> None:
    read = parse_npy(saved(array, version))
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype and read.shape == array.shape


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (with_header("<i8", (10**12,)), "8,000,000,000,000 bytes, but 0 follow"),
        (with_header("<i8", (10**30, 10**30), bytes(8)), "follow"),
        (with_header("<i8", (2**32, 2**32), bytes(8)), "follow"),  # 0 where a product wraps
        (with_header("<U99999999", (3,), bytes(8)), "follow"),
        (with_header("<U0", (10**15,)), "expected numbers"),
        (with_header("|V8", (1,), bytes(8)), "expected numbers"),
        (with_header([("a", "<i8")], (1,), bytes(8)), "expected numbers"),
        (with_header("|O", (1,), bytes(8)), "no pickled objects"),
        (with_header("<M8[s]", (1,), bytes(8)), "expected numbers"),
        (with_header("<i8", (-1,), bytes(8)), "of the shape"),
        (with_header("<i8", (True,), bytes(8)), "of the shape"),
        (with_header("<i8", (1,) * 9, bytes(8)), "of the shape"),
        (with_header("<i8", 3, bytes(8)), "not an array"),
        (with_header("<q9", (1,), bytes(8)), "not an array"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "not an array"),
        (b"\x93NUMPY\x02\x00\x20\x4e\x00\x00" + b"(" * 20_000, "not an array"),
        (b"\x93NUMPY\x09\x00", "not an array"),
        (b"PK\x03\x04", "not an array"),
        (b"", "not an array"),
        (saved(np.arange(4))[:-1], "31 follow"),
    ],
)
def test_what_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(ContentError, match=complaint):
        parse_npy(content)
