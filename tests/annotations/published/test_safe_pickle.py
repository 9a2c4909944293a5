"""Pickles: what is read, and that nothing they ask for is ever run."""

from __future__ import annotations

import collections
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reground.annotations.published.safe_pickle import load, read_frame, read_npy_object
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
    read = read_frame(path, tuple(frame().columns))
    assert list(read.index) == ["a.JPEG", "b.JPEG"] and set(read.columns) == set(frame().columns)
    assert read.columns["main"] == [[40, 47], [957]]
    assert read.columns["selected"] == frame()["selected"].tolist()
    assert read.columns["counter"] == [{40: 3}, {1: 7}]
    assert read.columns["objects"] == frame()["objects"].tolist()
    assert (read.columns["label"], read.columns["flag"]) == ([47, 957], [True, False])
    np.testing.assert_array_equal(read.columns["share"], [0.5, np.nan])
    assert set(read_frame(path, ("main",)).columns) == {"main"}


def test_text_of_pandas_3_and_plain_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "f.pkl"
    pd.DataFrame({"code": ["fu", "é", None], "n": [1, 2, 3]}).to_pickle(path)
    read = read_frame(path, ("code", "n"))
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


class Indexed:
    """Pickles as a data frame with a given index and blocks."""

    def __init__(self, index: Any, *blocks: Any) -> None:
        self.index, self.blocks = index, blocks

    def __reduce__(self) -> Any:
        from pandas.core.internals.managers import BlockManager

        names = pd.Index(["main"], dtype=object)
        return pd.DataFrame, (), {"_mgr": Reduced(BlockManager, self.blocks, [names, self.index])}


def block(values: np.ndarray, slots: slice) -> Any:
    from pandas._libs.internals import _unpickle_block  # pyright: ignore[reportAttributeAccessIssue]

    return Reduced(_unpickle_block, values, slots, 2)


ONE = np.array([[1]])


def without_block(manager: Any) -> Any:
    return pickle.dumps(Reduced(pd.DataFrame, state={"_mgr": manager}))


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda: pickle.dumps([1, 2]), "it is not a data frame"),
        (lambda: pickle.dumps(frame().drop(columns="main")), "Missing: main"),
        (lambda: without_block(None), "the data frame has no blocks"),
        (lambda: without_block([1]), "the data frame has no blocks"),
        (lambda: pickle.dumps(Indexed(pd.RangeIndex(10**12), block(ONE, slice(0, 1)))), "over 4,000,000 values"),
        (lambda: pickle.dumps(Indexed(pd.RangeIndex(2), block(ONE, slice(0, 1)))), "another length than its index"),
        (lambda: pickle.dumps(Indexed(pd.RangeIndex(1), *[block(ONE, slice(0, 1))] * 2)), "the same place"),
        (lambda: pickle.dumps(Indexed(pd.RangeIndex(1))), "0 columns for 1 names"),
        (lambda: pickle.dumps(Indexed(pd.RangeIndex(1), block(np.ones((2, 1)), slice(0, 10**12)))), "for 1 columns"),
    ],
)
def test_what_is_no_such_frame(tmp_path: Path, write: Callable[[], bytes], complaint: str) -> None:
    path = tmp_path / "f.pkl"
    path.write_bytes(write())
    with pytest.raises(RegroundError, match=complaint):
        read_frame(path, ("main",))
    with pytest.raises(RegroundError, match="No such file"):
        read_frame(tmp_path / "nowhere.pkl", ("main",))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"])
def test_what_numpy_did_not_save(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.npy").write_bytes(content)
    with pytest.raises(RegroundError, match=r"m\.npy: expected a file of numpy\.save"):
        read_npy_object(tmp_path / "m.npy")
    np.save(tmp_path / "n.npy", np.arange(3))
    with pytest.raises(RegroundError, match="found an array of int64"):
        read_npy_object(tmp_path / "n.npy")
