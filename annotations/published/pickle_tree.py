"""The tree that a pickle describes, built without running it.

A pickle is a program for a stack machine that may call whatever function it names. `parse` keeps its calls as `Call`
nodes: nothing is imported, called, hashed or compared, so what a pickle says has no effect beyond the tree, and the
tree is no larger than the program. Only the names in `NAMES` may occur.

Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py, which defines every opcode.
"""

from __future__ import annotations

import itertools
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from reground.tasks.files import preview

MAX_BYTES: Final = 40_000_000
"""Of a pickle: 24 times the largest published, annotations_classify_task.pkl of ImageNetMultiLabel; it is on 3,395
images, and all of ImageNet's validation images take 15 times as much."""
MAX_OPCODES: Final = 12_000_000
"""23 times those of the same file; each takes about 100 bytes in memory."""

Value = Any
"""None, bool, int, float, str, bytes, a list or tuple of values, `Pairs`, `Name` or `Call`."""

_NUMPY: Final = ("numpy.core", "numpy._core")
NAMES: Final = frozenset(
    {
        *(f"{package}.multiarray.{name}" for package in _NUMPY for name in ("_reconstruct", "scalar")),
        *(f"{package}.numeric._frombuffer" for package in _NUMPY),
        "numpy.dtype",
        "numpy.ndarray",
        *(f"{package}.{name}" for package in ("builtins", "__builtin__") for name in ("bytearray", "slice")),
        "_codecs.encode",
        "collections.Counter",
        "collections.OrderedDict",
        *(f"pandas.{name}" for name in ("DataFrame", "Index", "RangeIndex", "StringDtype")),
        "pandas._libs.internals._unpickle_block",
        "pandas.arrays.ArrowStringArray",
        "pandas.core.frame.DataFrame",
        "pandas.core.indexes.base.Index",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.numeric.Int64Index",
        "pandas.core.indexes.range.RangeIndex",
        "pandas.core.internals.managers.BlockManager",
        "pyarrow.lib._restore_array",
        "pyarrow.lib.py_buffer",
        "pyarrow.lib.type_for_alias",
    }
)
"""Functions and classes that a pickle of arrays, data frames of pandas 1 to 3 and counters names."""


class RefusedError(Exception):
    """A pickle asks for something that is not allowed; the message says what."""


@dataclass(slots=True)
class Name:
    """A function or a class, named and not looked up."""

    name: str


@dataclass(slots=True)
class Pairs:
    """A dictionary, as its keys and values in order; a key may occur twice."""

    items: list[tuple[Value, Value]] = field(default_factory=list[tuple[Value, Value]])


@dataclass(slots=True)
class Call:
    """An object as a pickle makes it.

    Attributes:
        name: of the function or class called.
        arguments: of the call.
        state: that the object gets afterwards; None: none.
        pairs: keys and values set on the object; None: none.
    """

    name: str
    arguments: tuple[Value, ...]
    state: Value = None
    pairs: Pairs | None = None


def parse(content: bytes) -> Value:
    """The value at the end of a pickle.

    Raises:
        RefusedError: it is too large, or names or does something that is not allowed.
        ValueError: it is damaged.
    """
    if len(content) > MAX_BYTES:
        raise RefusedError(f"it has {len(content):,} bytes, over the limit of {MAX_BYTES:,}")
    machine = _Machine()
    push = machine.stack.append
    name = ""
    for opcode, argument, _ in itertools.islice(pickletools.genops(content), MAX_OPCODES):
        name = opcode.name
        if name in _LITERALS:
            push(argument)
        elif name in _OPERATIONS:
            _OPERATIONS[name](machine, argument)
        else:
            raise RefusedError(f"it has the instruction {name}")
    if name != "STOP":
        raise RefusedError(f"it has over {MAX_OPCODES:,} instructions")
    return machine.stack.pop()


class _Machine:
    """The stack, the marks on it, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Value] = []
        self.marks: list[int] = []
        self.memo: dict[int, Value] = {}

    def pop(self, count: int) -> tuple[Value, ...]:
        """The values on top of the stack, in the order they were pushed."""
        values = tuple(self.stack[-count:])
        if len(values) < count:
            raise ValueError("its stack is empty")
        del self.stack[-count:]
        return values

    def pop_mark(self) -> list[Value]:
        """Everything above the last mark."""
        if not self.marks:
            raise ValueError("it has no mark")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def target_list(self) -> list[Value]:
        """The list on top of the stack, which stays there."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise RefusedError(f"it appends to {_describe(target)}")
        return target

    def set_items(self, values: list[Value]) -> None:
        target = self.stack[-1]
        if isinstance(target, Call):
            target.pairs = target.pairs or Pairs()
            target = target.pairs
        if not isinstance(target, Pairs):
            raise RefusedError(f"it sets items of {_describe(target)}")
        target.items.extend(zip(values[::2], values[1::2], strict=True))

    def name(self, name: str) -> None:
        if name not in NAMES:
            raise RefusedError(f"it asks for {name[:80]}")
        self.stack.append(Name(name))

    def call(self) -> None:
        function, arguments = self.pop(2)
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise RefusedError(f"it calls {_describe(function)}")
        self.stack.append(Call(function.name, arguments))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, Call) or target.state is not None:
            raise RefusedError(f"it sets attributes of {_describe(target)}")
        target.state = state


def _name(machine: _Machine, argument: str) -> None:
    machine.name(argument.replace(" ", ".", 1))


def _stack_name(machine: _Machine, _: object) -> None:
    module, name = machine.pop(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("a name that is not text")
    machine.name(f"{module}.{name}")


def _append(machine: _Machine, _: object) -> None:
    value = machine.stack.pop()
    machine.target_list().append(value)


def _extend(machine: _Machine, _: object) -> None:
    values = machine.pop_mark()
    machine.target_list().extend(values)


def _memoize(machine: _Machine, _: object) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _get(machine: _Machine, place: int) -> None:
    if place not in machine.memo:
        raise ValueError(f"place {preview(place)} of its memo is empty")
    machine.stack.append(machine.memo[place])


def _put(machine: _Machine, place: int) -> None:
    machine.memo[place] = machine.stack[-1]


def _long(machine: _Machine, value: int) -> None:
    if value.bit_length() > 64:
        raise RefusedError(f"it has {preview(value)}, over 64 bits")
    machine.stack.append(value)


def _persistent(machine: _Machine, _: object) -> NoReturn:
    raise RefusedError("it asks for something outside the file")


def _describe(value: Value) -> str:
    if isinstance(value, Name | Call):
        return value.name
    return "a dictionary" if isinstance(value, Pairs) else f"a {type(value).__name__}"


_LITERALS: Final = frozenset(
    {
        *("BININT", "BININT1", "BININT2", "BINFLOAT", "FLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    }
)
"""Instructions that push their argument."""

_OPERATIONS: Final[Mapping[str, Callable[[_Machine, Any], object]]] = {
    "PROTO": lambda machine, version: None,
    "FRAME": lambda machine, size: None,
    "STOP": lambda machine, _: None,
    "NONE": lambda machine, _: machine.stack.append(None),
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "INT": _long,
    "LONG": _long,
    "LONG1": _long,
    "LONG4": _long,
    "BYTEARRAY8": lambda machine, content: machine.stack.append(bytes(content)),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_DICT": lambda machine, _: machine.stack.append(Pairs()),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(machine.pop(1)),
    "TUPLE2": lambda machine, _: machine.stack.append(machine.pop(2)),
    "TUPLE3": lambda machine, _: machine.stack.append(machine.pop(3)),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "APPEND": _append,
    "APPENDS": _extend,
    "SETITEM": lambda machine, _: machine.set_items(list(machine.pop(2))),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_mark()),
    "GLOBAL": _name,
    "STACK_GLOBAL": _stack_name,
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "PUT": _put,
    "MEMOIZE": _memoize,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GET": _get,
    "PERSID": _persistent,
    "BINPERSID": _persistent,
}
