"""Pickles: what is read, and that nothing they ask for is ever run."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.annotations.published.safe_pickle import ALLOWED, load, read_frame, read_npy_object
from reground.tasks.errors import RegroundError


def frame() -> pd.DataFrame:
    """Cells of every kind that the published frames hold."""
    return pd.DataFrame(
        {
            "main": [np.array([40, 47]), np.array([957])],
            "selected": [[[40], [47, 39]], [[957]]],
            "counter": [collections.Counter({np.int64(40): 3}), collections.Counter({1: 7})],
            "objects": [[{np.int64(40): (0.5, 1.0)}], []],
            "label": [47, 957],
            "share": [0.5, np.nan],
            "flag": [True, False],
        },
        index=pd.Index(["a.JPEG", "b.JPEG"], name="image", dtype=object),
    ).astype({"objects": object})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_frames_come_as_they_are(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "f.pkl"
    path.write_bytes(pickle.dumps(frame(), protocol=protocol))
    read = read_frame(path, ("main", "label"))
    assert list(read.index) == ["a.JPEG", "b.JPEG"] and list(read.columns) == list(frame().columns)
    np.testing.assert_array_equal(read.columns["main"][0], [40, 47])
    assert read.columns["selected"] == frame()["selected"].tolist()
    assert [dict(cell) for cell in read.columns["counter"]] == [{40: 3}, {1: 7}]
    assert read.columns["objects"] == frame()["objects"].tolist()
    assert (read.columns["label"], read.columns["flag"]) == ([47, 957], [True, False])
    np.testing.assert_array_equal(read.columns["share"], [0.5, np.nan])


def test_text_of_pandas_3_and_plain_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "f.pkl"
    pd.DataFrame({"code": ["fu", "é", None], "n": [1, 2, 3]}).to_pickle(path)
    read = read_frame(path, ("code",))
    assert (list(read.index), read.columns) == ([0, 1, 2], {"code": ["fu", "é", None], "n": [1, 2, 3]})


class OldManager:
    """Pickles itself as the frames of pandas 1.0 to 1.2 did."""

    def __reduce__(self) -> Any:
        from pandas.core.internals.managers import BlockManager

        axes = [pd.Index(["label", "main"], dtype=object), pd.Index(["a", "b"], dtype=object)]
        blocks = [
            {"values": np.array([[1, 2]]), "mgr_locs": slice(0, 1, 1)},
            {"values": np.array([[[1], [2, 3]]], dtype=object).reshape(1, 2), "mgr_locs": np.array([1])},
        ]
        held = (axes, [], [], {"0.14.1": {"axes": axes, "blocks": blocks}})
        return Called(BlockManager), (), held


class Called:
    """Pickles as a global that is named, whatever it is."""

    def __new__(cls, what: Any) -> Any:
        return what


def test_frames_of_old_pandas(tmp_path: Path) -> None:
    made = io.BytesIO()
    pickler = pickle.Pickler(made, 4)
    pickler.dump(OldFrame())
    path = tmp_path / "f.pkl"
    path.write_bytes(made.getvalue())
    read = read_frame(path, ("label", "main"))
    assert (list(read.index), dict(read.columns)) == (["a", "b"], {"label": [1, 2], "main": [[1], [2, 3]]})


class OldFrame:
    def __reduce__(self) -> Any:
        return pd.DataFrame, (), {"_data": OldManager(), "_typ": "dataframe"}


@pytest.mark.parametrize("value", [{0: "n01440764"}, collections.OrderedDict(Dogs=[151, 152])])
def test_a_mapping_that_numpy_saved(tmp_path: Path, value: Any) -> None:
    np.save(tmp_path / "m.npy", np.array(value, dtype=object), allow_pickle=True)
    assert read_npy_object(tmp_path / "m.npy") == value


class Reduced:
    """A pickle that calls ``function(*arguments)``, then hands the result ``state``."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.how = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.how


def touch(path: Path) -> list[Any]:
    command = f"touch {path}"
    import builtins
    import subprocess

    return [
        Reduced(os.system, command),
        Reduced(subprocess.check_call, ["touch", str(path)]),
        Reduced(builtins.eval, f"open({str(path)!r}, 'w')"),
        Reduced(builtins.getattr, collections.Counter, "update"),
        Reduced(pd.read_pickle, str(path)),
        Reduced(np.load, str(path)),
        Reduced(np.fromfile, str(path)),
        Reduced(pd.eval, f"@open({str(path)!r}, 'w')"),
        Reduced(collections.Counter, Reduced(os.system, command)),
        {"innocent": [1, {2: Reduced(os.system, command)}]},
        frame().assign(cell=[Reduced(os.system, command), 1]),
    ]


@pytest.mark.parametrize("number", range(11))
def test_code_is_refused_by_name(tmp_path: Path, number: int) -> None:
    target = tmp_path / "touched"
    attack = pickle.dumps(touch(target)[number])
    with pytest.raises(
        RegroundError, match=r"it asks for \w+(\.\w+)*\.(system|check_call|eval|getattr|read_pickle|load|fromfile)"
    ):
        load(attack, "here.pkl")
    assert not target.exists()


def by_hand(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


COUNTER, ARRAY, FRAME = named("collections", "Counter"), named("numpy", "ndarray"), named("pandas", "DataFrame")
DTYPE, SCALAR = named("numpy", "dtype"), named("numpy._core.multiarray", "scalar")
RECONSTRUCT, BUFFER = named("numpy._core.multiarray", "_reconstruct"), named("numpy._core.numeric", "_frombuffer")
OBJECT = DTYPE + b"(\x8c\x02O8\x89\x88tR"
BYTES = DTYPE + b"(\x8c\x02i8\x89\x88tR"
HUGE = struct.pack("<q", 10**15)

ATTACKS: dict[str, bytes] = {
    "sets an attribute on a class": by_hand(COUNTER, b"N}\x8c\x06update", FRAME, b"s\x86b"),
    "sets an attribute on numpy's class": by_hand(ARRAY, b"N}\x8c\x04sort", FRAME, b"s\x86b"),
    "writes into a class by its dict": by_hand(COUNTER, b"}\x8c\x06update", FRAME, b"sb"),
    "dtype with fields": by_hand(DTYPE, b"(\x8c\x02V8\x89\x88tR"),
    "dtype of a class": by_hand(DTYPE, b"(", COUNTER, b"\x89\x88tR"),
    "dtype with flags": by_hand(BYTES, b"(K\x03\x8c\x01<N\x8c\x01aNK\x00K\x00K?tb"),
    "pointers as objects": by_hand(BUFFER, b"(C\x08AAAAAAAA", OBJECT, b"K\x01\x85\x8c\x01CtR"),
    "a pointer as an object": by_hand(SCALAR, b"(", OBJECT, b"C\x08AAAAAAAAtR"),
    "objects from bytes": by_hand(
        RECONSTRUCT, b"(", ARRAY, b"K\x00\x85C\x01btR(K\x01K\x01\x85", OBJECT, b"\x89C\x08AAAAAAAAtb"
    ),
    "a huge array": by_hand(
        RECONSTRUCT, b"(", ARRAY, b"K\x00\x85C\x01btR(K\x01\x8a\x08", HUGE, b"\x85", BYTES, b"\x89C\x00tb"
    ),
    "a huge buffer": by_hand(BUFFER, b"(C\x00", BYTES, b"\x8a\x08", HUGE, b"\x85\x8c\x01CtR"),
    "an array of another class": by_hand(RECONSTRUCT, b"(", COUNTER, b"K\x00\x85C\x01btR"),
    "a huge memo": by_hand(b"Nr\xff\xff\xff\x7f"),
    "something outside": by_hand(b"\x8c\x01xQ"),
    "an extension": by_hand(b"\x82\x01"),
    "bytes of a huge number": by_hand(named("builtins", "bytearray"), b"\x8a\x08", HUGE, b"\x85R"),
    "another encoding": by_hand(named("_codecs", "encode"), b"\x8c\x01x\x8c\x06rot_13\x86R"),
    "an array without state": by_hand(RECONSTRUCT, b"(", ARRAY, b"K\x00\x85C\x01btR", b"(K\x01Ntb"),
    "ends early": pickle.dumps(frame())[:-200],
    "nothing": b"",
    "no pickle": b"image,label\na,1\n",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_admitted_names_do_nothing_but_hold_data(attack: str) -> None:
    before = {name: dict(vars(kind)) for name, kind in ALLOWED.items() if isinstance(kind, type)}
    with pytest.raises(RegroundError, match=r"here\.pkl: (this pickle was not read|expected a pickle)"):
        load(ATTACKS[attack], "here.pkl")
    assert {name: dict(vars(kind)) for name, kind in ALLOWED.items() if isinstance(kind, type)} == before


def test_the_packages_own_are_never_handed_out() -> None:
    own = {np.ndarray, np.dtype, pd.DataFrame, pd.Index, pd.RangeIndex, collections.Counter}
    assert not own & set(ALLOWED.values())


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damage_is_an_error_or_data(noise: bytes, at: int) -> None:
    whole = bytearray(SMALL)
    whole[at : at + len(noise)] = noise
    try:
        load(bytes(whole), "here.pkl")
    except RegroundError as error:
        assert "here.pkl" in str(error)


SMALL = pickle.dumps(frame().iloc[:1])


def without_block(manager: Any) -> Any:
    return pickle.dumps(Reduced(pd.DataFrame, state={"_mgr": manager}))


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda path: pickle.dumps([1, 2]), "expected a pickled data frame, found list"),
        (lambda path: pickle.dumps(frame().drop(columns="main")), "Missing: main"),
        (lambda path: without_block(None), "the data frame has no blocks"),
        (lambda path: without_block([1]), "the data frame has no blocks"),
    ],
)
def test_what_is_no_such_frame(tmp_path: Path, write: Callable[[Path], bytes], complaint: str) -> None:
    path = tmp_path / "f.pkl"
    path.write_bytes(write(path))
    with pytest.raises(RegroundError, match=complaint):
        read_frame(path, ("main",))
    with pytest.raises(RegroundError, match="No such file"):
        read_frame(tmp_path / "nowhere.pkl", ("main",))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY\x01\x00"])
def test_what_numpy_did_not_save(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.npy").write_bytes(content)
    with pytest.raises(RegroundError, match=r"m\.npy: expected a file of numpy\.save"):
        read_npy_object(tmp_path / "m.npy")
    np.save(tmp_path / "n.npy", np.arange(3))
    with pytest.raises(RegroundError, match="found an array of int64"):
        read_npy_object(tmp_path / "n.npy")
