"""Data frames in a pickle's tree: those of pandas 1 to 3."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reground.annotations.published.pickle_arrays import array, bytes_of
from reground.annotations.published.pickle_tree import Call, Name, Pairs, RefusedError, Value
from reground.annotations.published.pickle_values import Decoder
from reground.tasks.files import preview


def read_columns(decoder: Decoder, frame: Value, required: Sequence[str]) -> tuple[list[Any], dict[str, list[Any]]]:
    """The index and the required columns of a data frame, those that it has.

    Raises:
        RefusedError: it is not a data frame, two columns have the same place, or one has another length.
    """
    if not isinstance(frame, Call) or not frame.name.endswith(".DataFrame"):
        raise RefusedError("it is not a data frame")
    fields = _fields(frame.state)
    axes, blocks = _manager(fields.get("_mgr", fields.get("_data")))
    names, index = labels(decoder, axes[0]), labels(decoder, axes[1])
    columns: dict[int, list[Any] | None] = {}
    for values, slots in blocks:
        places = _places(decoder, slots, len(names))
        if any(place in columns for place in places):
            raise RefusedError("two of its columns have the same place")
        columns |= dict.fromkeys(places)
        # A block may be shared by any number of places: only what is required is decoded.
        if any(names[place] in required for place in places):
            columns |= _block_columns(decoder, values, places, [names[place] in required for place in places])
    if sorted(columns) != list(range(len(names))) or len(set(names)) < len(names):
        raise RefusedError(f"it has {len(columns)} columns for {len(names)} names")
    by_name = {names[place]: cells for place, cells in columns.items() if cells is not None}
    if any(len(cells) != len(index) for cells in by_name.values()):
        raise RefusedError(f"it has columns of another length than its index of {len(index):,}")
    return index, by_name


def _block_columns(
    decoder: Decoder, values: Value, places: Sequence[int], is_required: Sequence[bool]
) -> dict[int, list[Any]]:
    """The required columns of a block, by place."""
    if isinstance(values, Call) and values.name.endswith(".ArrowStringArray"):
        (place,) = places
        return {place: labels(decoder, values)}
    block = array(values)
    if block.num_rows != len(places) or len(block.shape) not in (1, 2):
        raise RefusedError(f"it has a block of the shape {block.shape} for {len(places)} columns")
    numbers = enumerate(zip(places, is_required, strict=True))
    return {place: decoder.cells(block.row(number)) for number, (place, required) in numbers if required}


def labels(decoder: Decoder, index: Value) -> list[Any]:
    """The labels of an index, or of a column of text."""
    if isinstance(index, Call) and index.name.endswith("._new_Index"):
        kind, state = index.arguments
        fields = _fields(state)
        if isinstance(kind, Name) and kind.name.endswith(".RangeIndex"):
            numbers = range(*(_integer(fields[name]) for name in ("start", "stop", "step")))
            decoder.spend(max(0, (numbers.stop - numbers.start) // numbers.step))
            return list(numbers)
        index = fields["data"]
    if isinstance(index, Call) and index.name.endswith(".ArrowStringArray"):
        return _arrow_text(decoder, _fields(index.state)["_pa_array"])
    block = array(index)
    if len(block.shape) != 1:
        raise RefusedError(f"it has an index of the shape {block.shape}")
    return decoder.cells(block.cells)


def _arrow_text(decoder: Decoder, call: Value) -> list[str | None]:
    """The cells of an Arrow array of text: validity bitmap, offsets, and concatenated text.

    Source: https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-layout
    """
    ((kind, length, _, start, buffers, children, dictionary),) = call.arguments
    name = kind.arguments[0] if isinstance(kind, Call) else None
    if name not in ("large_string", "string") or start != 0 or children or dictionary is not None:
        raise RefusedError(f"it has an Arrow array of {preview(name)}")
    validity, offsets, content = (None if buffer is None else bytes_of(buffer) for buffer in buffers)
    if _integer(length) < 0:
        raise RefusedError("its column of text has inconsistent lengths")
    decoder.spend(length)
    bounds = np.frombuffer(offsets or b"", "<i8" if name == "large_string" else "<i4", count=length + 1).tolist()
    bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")[:length] if validity else None
    content = content or b""
    if bounds != sorted(bounds) or bounds[0] < 0 or bounds[-1] > len(content):
        raise RefusedError("its column of text has inconsistent lengths")
    is_valid = itertools.repeat(True, length) if bits is None else bits
    spans = itertools.pairwise(bounds)
    return [content[a:b].decode() if valid else None for (a, b), valid in zip(spans, is_valid, strict=True)]


def _places(decoder: Decoder, slots: Value, count: int) -> list[int]:
    """Numbers of the columns that a block holds."""
    if isinstance(slots, Call) and slots.name.endswith(".slice"):
        return list(range(count)[slice(*(None if part is None else _integer(part) for part in slots.arguments))])
    return [_integer(place) for place in decoder.cells(array(slots).cells)]


def _manager(manager: Value) -> tuple[list[Value], list[tuple[Value, Value]]]:
    """The axes of pandas' block manager, and the values and column numbers of its blocks."""
    if not isinstance(manager, Call) or not manager.name.endswith(".BlockManager"):
        raise RefusedError("the data frame has no blocks")
    if manager.arguments:
        blocks, axes = manager.arguments[:2]
        return axes, [block.arguments[:2] for block in blocks]
    content = _fields(_fields(manager.state[3])["0.14.1"])  # as pandas 1.0 to 1.2 write it
    blocks = [_fields(block) for block in content["blocks"]]
    return content["axes"], [(block["values"], block["mgr_locs"]) for block in blocks]


def _fields(state: Value) -> Mapping[str, Value]:
    """A state whose keys are names."""
    if not isinstance(state, Pairs) or not all(isinstance(key, str) for key, _ in state.items):
        raise RefusedError("it has a state without names")
    return dict(state.items)


def _integer(value: Value) -> int:
    if type(value) is not int:
        raise RefusedError(f"it has a {type(value).__name__} where a whole number should be")
    return value
