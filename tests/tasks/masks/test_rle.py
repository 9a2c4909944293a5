"""Run lengths: there and back, and nothing read that is not there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from reground.tasks.errors import RegroundError
from reground.tasks.masks.rle import decode_mask, encode_mask


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_round_trip(mask):
    back = decode_mask(encode_mask(mask), *mask.shape)
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, mask)


def test_the_published_encoding():
    # COCO: column-major counts 11, 2, 3, 2, 17 of a 5 x 7 mask
    mask = np.zeros((5, 7), np.bool_)
    mask[1:3, 2:4] = True
    assert encode_mask(mask) == ";230>"


@given(st.text(max_size=30))
def test_what_is_no_mask_of_that_size_is_refused(text):
    try:
        mask = decode_mask(text, 4, 6)
    except RegroundError:
        return
    assert encode_mask(mask) == text


@pytest.mark.parametrize(("height", "width"), [(6, 7), (4, 7), (5, 8)])
def test_runs_of_another_size_are_refused(height, width):
    with pytest.raises(RegroundError, match=f"mask of {width} x {height}"):
        decode_mask(";230>", height, width)
