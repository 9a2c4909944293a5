"""Masks in files of NumPy: every kind of number is read, nothing is unpickled."""

from __future__ import annotations

import io
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.imagenet9.mask_file import read_mask
from reground.tasks.images import DropError
from tests.support.released_data import SIDE, mask


def npy(values: np.ndarray, **how) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, **how)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "<i4", ">i8", "<f2", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_masks_of_every_kind_of_number(dtype, order):
    true = mask(1)
    np.testing.assert_array_equal(read_mask(npy(np.asarray(true, dtype, order=order)), SIDE), true)


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


def huge() -> bytes:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (999999999999, 999999999999)}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "mask_failed"),
        (b"\x93NUMPY", "mask_failed"),
        (b"PK\x03\x04 an archive of arrays", "mask_failed"),
        (pickle.dumps(Bomb()), "mask_failed"),
        (npy(np.full((SIDE, SIDE), Bomb(), object), allow_pickle=True), "mask_failed"),
        (huge(), "mask_size_mismatch"),
        (npy(np.zeros((SIDE, SIDE, 1), np.uint8)), "mask_size_mismatch"),
        (npy(np.zeros(SIDE * SIDE, np.uint8)), "mask_size_mismatch"),
        (npy(np.zeros((SIDE, SIDE), np.uint8))[:-1], "mask_failed"),
        (npy(np.full((SIDE, SIDE), np.nan)), "mask_failed"),
        (npy(np.full((SIDE, SIDE), 2, np.uint8)), "mask_failed"),
        (npy(np.zeros((SIDE, SIDE), "S1")), "mask_failed"),
        (npy(np.zeros((SIDE, SIDE), complex)), "mask_failed"),
        (npy(np.zeros((SIDE, SIDE), [("a", "u1")])), "mask_failed"),
    ],
)
def test_what_is_no_mask_is_left_out(content, reason):
    with pytest.raises(DropError) as why:
        read_mask(content, SIDE)
    assert why.value.reason == reason


@given(
    st.binary(max_size=300),
    st.tuples(st.integers(0, 127), st.binary(min_size=1, max_size=9)),
    st.sampled_from(["random", "after the magic", "patched"]),
)
def test_any_bytes_are_a_mask_or_left_out(noise, patch, how):
    whole = npy(mask(2))
    at, bytes_ = patch
    content = {
        "random": noise,
        "after the magic": whole[: at % 11] + noise,
        "patched": whole[:at] + bytes_ + whole[at + len(bytes_) :],
    }[how]
    try:
        found = read_mask(content, SIDE)
    except DropError as why:
        assert why.reason in ("mask_failed", "mask_size_mismatch")
    else:
        assert (found.shape, found.dtype) == ((SIDE, SIDE), bool)
