"""Pickles made to harm whoever reads them: each is refused, in bounded memory, and the next is read as ever."""

from __future__ import annotations

import collections
import pickle
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.published import pickle_tree, pickle_values
from reground.annotations.published.safe_pickle import load
from reground.tasks.errors import RegroundError


def by_hand(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def doubled(times: int) -> bytes:
    """A list of two references to a list of two references to ...: 2^times cells."""
    return b"]q\x00" + b"".join(b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(times))


COUNTER, ARRAY, FRAME = named("collections", "Counter"), named("numpy", "ndarray"), named("pandas", "DataFrame")
DTYPE, SCALAR = named("numpy", "dtype"), named("numpy._core.multiarray", "scalar")
RECONSTRUCT, BUFFER = named("numpy._core.multiarray", "_reconstruct"), named("numpy._core.numeric", "_frombuffer")
BYTEARRAY, ENCODE = named("builtins", "bytearray"), named("_codecs", "encode")
OBJECT = DTYPE + b"(\x8c\x02O8\x89\x88tR"
BYTES = DTYPE + b"(\x8c\x02i8\x89\x88tR"
HUGE = struct.pack("<q", 10**15)
LAUGHS = doubled(40)
DEEP = b")" + b"\x85" * 200_000
"""A tuple in a tuple in a tuple ..."""

COUNTED = pickle.dumps(collections.Counter({np.int64(1): 2}))
SMALL = pickle.dumps([collections.Counter({np.int64(40): 3}), np.arange(3), {"a": (0.5, "é")}])

ATTACKS: dict[str, bytes] = {
    "sets an attribute on a class": by_hand(COUNTER, b"N}\x8c\x06update", FRAME, b"s\x86b"),
    "sets an attribute on numpy's class": by_hand(ARRAY, b"N}\x8c\x04sort", FRAME, b"s\x86b"),
    "sets the defaults of a function": by_hand(BUFFER, b"N}\x8c\x0c__defaults__(K\x01ts\x86b"),
    "writes into a class by its dict": by_hand(COUNTER, b"}\x8c\x06update", FRAME, b"sb"),
    "sets a state twice": by_hand(COUNTER, b")R}b}b"),
    "dtype with fields": by_hand(RECONSTRUCT, b"(tR(K\x01)", DTYPE, b"(\x8c\x02V8\x89\x88tR\x89C\x00tb"),
    "dtype of a class": by_hand(BUFFER, b"(C\x00", DTYPE, b"(", COUNTER, b"\x89\x88tR)\x8c\x01CtR"),
    "dtype with flags": by_hand(BUFFER, b"(C\x08AAAAAAAA", BYTES, b"(K\x03\x8c\x01<N\x8c\x01aNtb)\x8c\x01CtR"),
    "dtype of no bytes": by_hand(BUFFER, b"(C\x00", DTYPE, b"\x8c\x02U0\x85R\x8a\x08", HUGE, b"\x85\x8c\x01CtR"),
    "pointers as objects": by_hand(BUFFER, b"(C\x08AAAAAAAA", OBJECT, b"K\x01\x85\x8c\x01CtR"),
    "a pointer as an object": by_hand(SCALAR, b"(", OBJECT, b"C\x08AAAAAAAAtR"),
    "objects from bytes": by_hand(
        RECONSTRUCT, b"(", ARRAY, b"K\x00\x85C\x01btR(K\x01K\x01\x85", OBJECT, b"\x89C\x08AAAAAAAAtb"
    ),
    "a huge array": by_hand(
        RECONSTRUCT, b"(", ARRAY, b"K\x00\x85C\x01btR(K\x01\x8a\x08", HUGE, b"\x85", BYTES, b"\x89C\x00tb"
    ),
    "rows without end": by_hand(RECONSTRUCT, b"(", ARRAY, b"tR(K\x01(\x8a\x08", HUGE, b"K\x00t", BYTES, b"\x89C\x00tb"),
    "a huge buffer": by_hand(BUFFER, b"(C\x00", BYTES, b"\x8a\x08", HUGE, b"\x85\x8c\x01CtR"),
    "an array of another class": by_hand(RECONSTRUCT, b"(", COUNTER, b"K\x00\x85C\x01btR"),
    "a sparse memo": by_hand(b"Nr\xff\xff\xff\x7f0h\x00"),
    "something outside": by_hand(b"\x8c\x01xQ"),
    "something outside, named by a list without end": by_hand(LAUGHS, b"Q"),
    "an extension": by_hand(b"\x82\x01"),
    "a set": by_hand(b"\x8f"),
    "an instance of Python 2": by_hand(b"(i__main__\nX\n"),
    "bytes of a huge number": by_hand(BYTEARRAY, b"\x8a\x08", HUGE, b"\x85R"),
    "bytes of bytes of bytes": by_hand(BYTEARRAY * 5000, b"C\x01a", b"\x85R" * 5000),
    "another encoding": by_hand(ENCODE, b"\x8c\x01x\x8c\x06rot_13\x86R"),
    "an encoding that is a list without end": by_hand(ENCODE, b"\x8c\x01x", LAUGHS, b"\x86R"),
    "a dtype that is a list without end": by_hand(SCALAR, DTYPE, LAUGHS, b"\x85RC\x01a\x86R"),
    "a shape that is a list without end": by_hand(BUFFER, b"(C\x00", BYTES, LAUGHS, b"\x8c\x01CtR"),
    "a list without end": by_hand(doubled(22)),
    "a text in a list without end": by_hand(b"X\x00\x00\x10\x00" + b"a" * 2**20 + b"0", doubled(22)),
    "a deep tuple": by_hand(DEEP),
    "a deep tuple as a key": by_hand(b"}", DEEP, b"Ns"),
    "a deep tuple as a key of a counter": by_hand(COUNTER, b"}", DEEP, b"K\x01s\x85R"),
    "a deep tuple in a set": by_hand(b"(", DEEP, b"\x91"),
    "a tuple as a key": by_hand(b"}K\x01\x85Ns"),
    "a dictionary as a key": by_hand(b"}}Ns"),
    "an integer of a million bits": by_hand(b"\x8b\x40\x42\x0f\x00" + b"\x7f" * 1_000_000),
    "an integer of a million digits": by_hand(b"L" + b"9" * 1_000_000 + b"L\n"),
    "a text that promises terabytes": by_hand(b"\x8d\x00\x00\x00\x00\x00\x10\x00\x00"),
    "a lone surrogate": by_hand(b"\x8c\x03\xed\xa0\x80"),
    "an array without state": by_hand(RECONSTRUCT, b"(", ARRAY, b"K\x00\x85C\x01btR", b"(K\x01Ntb"),
    "a class as a value": by_hand(COUNTER),
    "an empty stack": by_hand(b"0"),
    "less than a pair": by_hand(b"N\x86"),
    "no mark": by_hand(b"Nt"),
    "ends early": SMALL[:-20],
    "nothing": b"",
    "no pickle": b"image,label\na,1\n",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_and_change_nothing(attack: str) -> None:
    with pytest.raises(RegroundError, match=r"^here\.pkl: (this pickle was not read|expected a pickle)") as error:
        load(ATTACKS[attack], "here.pkl")
    assert len(str(error.value)) < 1000
    assert load(COUNTED, "here.pkl") == {1: 2}


@pytest.mark.parametrize(
    ("module", "name", "complaint"),
    [
        (pickle_tree, "MAX_BYTES", "over the limit of 10"),
        (pickle_tree, "MAX_OPCODES", "over 10 instructions"),
        (pickle_values, "MAX_VALUES", "over 10 values"),
        (pickle_values, "MAX_DEPTH", "nested over 10 deep"),
    ],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, complaint: str) -> None:
    value: Any = list(range(11)) if name != "MAX_DEPTH" else [[[[[[[[[[[1]]]]]]]]]]]
    monkeypatch.setattr(module, name, 10)
    with pytest.raises(RegroundError, match=complaint):
        load(pickle.dumps(value), "here.pkl")


def test_data_that_many_cells_share_is_counted_for_each() -> None:
    """A megabyte of text, shared: NumPy would copy it for every cell."""
    cell = BUFFER + b"(B\x00\x00\x10\x00" + b"a" * 2**20 + DTYPE + b"\x8c\x08S1048576\x85RK\x01\x85\x8c\x01CtR"
    with pytest.raises(RegroundError, match="it describes over"):
        load(by_hand(b"](", cell, b"q\x00", b"h\x00" * 1000, b"e"), "here.pkl")


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damage_is_an_error_or_data(noise: bytes, at: int) -> None:
    whole = bytearray(SMALL)
    whole[at : at + len(noise)] = noise
    try:
        load(bytes(whole), "here.pkl")
    except RegroundError as error:
        assert "here.pkl" in str(error)
