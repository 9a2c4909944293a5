"""Run lengths: there and back, and nothing read that is not there."""

from __future__ import annotations

import os
import subprocess
import sys

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


CHARACTERS = "".join(map(chr, range(48, 112)))


@given(st.text(CHARACTERS, max_size=12))
def test_any_numbers_are_run_lengths_or_refused(text):
    try:
        mask = decode_mask(text, 4, 6)
    except RegroundError:
        return
    assert mask.shape == (4, 6)


@pytest.mark.parametrize("text", ["P", "o", "1o", "oooooooooo", "oooooooo0", "\x7f0", "<\n", ""])
def test_text_that_ends_in_a_number_or_holds_none_is_refused(text):
    with pytest.raises(RegroundError, match="expected COCO run lengths"):
        decode_mask(text, 4, 6)


def test_hostile_text_does_not_reach_the_memory_of_the_process():
    program = (
        "import random; from reground.tasks.errors import RegroundError; from reground.tasks.masks import decode_mask\n"
        "random.seed(1)\n"
        "for _ in range(20_000):\n"
        "    try: decode_mask(''.join(random.choices('PQo_~`0\\x7f', k=random.randint(1, 12))), 7, 9)\n"
        "    except RegroundError: pass\n"
    )
    environment = {**os.environ, "MALLOC_PERTURB_": "83", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


@pytest.mark.parametrize(("height", "width"), [(6, 7), (4, 7), (5, 8)])
def test_runs_of_another_size_are_refused(height, width):
    with pytest.raises(RegroundError, match=f"mask of {width} x {height}"):
        decode_mask(";230>", height, width)
