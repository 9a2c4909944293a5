"""The file beside a network: how its input is made and its output read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.masks.sidecar import CHECKS, Sidecar, parse_sidecar

PLAIN = "mean = [0, 0, 0]\nstd = [1, 1, 1]\n"


def test_a_whole_sidecar():
    text = 'mean = [1, 2, 3]\nstd = [4, 5, 6.5]\nsize = 320\nscale = "byte"\nchannels = "bgr"\noutput = "d0"\n'
    text += 'activation = "minmax"\nthreshold = 0.25\nmargin = 0.2\n'
    expected = Sidecar((1, 2, 3), (4, 5, 6.5), 320, "byte", "bgr", "d0", "minmax", 0.25, 0.2)
    assert parse_sidecar(text.encode()) == expected
    assert set(CHECKS) == set(vars(expected))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean = [", "(?i)invalid|unclosed"),
        ("mean = [0, 0, 0]", "expected std, which it does not have"),
        ("", "expected mean and std"),
        (
            PLAIN + "sise = 3\ncolour = 2",
            "unknown colour, sise: expected some of mean, std, size, scale, chan",
        ),
        (PLAIN.replace("1, 1, 1", "1, 0, 1"), "expected std to be three numbers, none of them 0, found"),
        (PLAIN.replace("0, 0, 0", "0, 0"), "expected mean to be three numbers, found"),
        (PLAIN.replace("0, 0, 0", "0, 0, nan"), "expected mean to be three numbers, found"),
        (PLAIN + "size = 0", "expected size to be a number of pixels from 1 up, found 0"),
        (PLAIN + "size = true", "expected size to be"),
        (PLAIN + 'scale = "percent"', 'expected scale to be "unit" or "max" or "byte", found'),
        (PLAIN + 'channels = "rgba"', 'expected channels to be "rgb" or "bgr"'),
        (PLAIN + "channels = [1]", 'expected channels to be "rgb" or "bgr"'),
        (PLAIN + 'activation = "tanh"', "expected activation to be"),
        (PLAIN + "threshold = 1.0", "expected threshold to be a number between 0 and 1"),
        (PLAIN + "margin = -0.5", "expected margin to be a share from 0 up"),
        (PLAIN + 'output = ""', "expected output to be the name of an output"),
    ],
)
def test_sidecars_that_cannot_be(text, message):
    with pytest.raises(ValueError, match=message):
        parse_sidecar(text.encode())


@given(st.binary(max_size=80) | st.builds(lambda text: (PLAIN + text).encode(), st.text(max_size=40)))
def test_any_bytes_are_a_sidecar_or_a_value_error(content):
    try:
        assert isinstance(parse_sidecar(content), Sidecar)
    except ValueError as error:
        assert str(error)
