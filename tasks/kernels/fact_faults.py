"""Faults of a picture that its plain facts show beyond question, some against the rest of its set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]

UNIFORM: Final = 3.0
"""Contrast up to which a picture is one grey."""
FILLED: Final = 0.95
"""Share of pixels from which on a picture is of one colour, dark or bright."""
TINY: Final = 8
"""Short sides that the set's median side has."""
ASPECT: Final = 4.0
"""Long side over short side."""
FENCE: Final = 3.0
"""Interquartile ranges beyond the quartiles ("far out", Tukey 1977) from which on sharpness is no photograph's."""
MIN_PICTURES: Final = 20
"""From which on a set has a distribution."""


def fact_faults(facts: Mapping[str, Values], short_side: Values) -> dict[str, npt.NDArray[np.bool_]]:
    """Fault -> which pictures have it, ``(N,)``.

    A negative, swapped colours and a picture upside down have the same facts as the picture: none of them is seen.

    Args:
        facts: ``(N,)`` each: contrast, main_colour_share, dark_share, bright_share, aspect, sharpness (see
            `reground.tasks.kernels.picture_facts`); NaN: unknown, no fault.
        short_side: ``(N,)`` pixels.
    """
    uniform = facts["contrast"] <= UNIFORM
    sharpness = np.log(np.maximum(facts["sharpness"], 1e-3))
    low, high = _fences(sharpness[~uniform & np.isfinite(sharpness)])
    aspect = facts["aspect"]
    return {
        "uniform": uniform,
        "one colour": facts["main_colour_share"] >= FILLED,
        "dark": facts["dark_share"] >= FILLED,
        "bright": facts["bright_share"] >= FILLED,
        "tiny": short_side * TINY <= (np.median(short_side) if len(short_side) else 0),
        "long": (aspect >= ASPECT) & (aspect > 2 * (np.nanmedian(aspect) if np.isfinite(aspect).any() else np.inf)),
        "blurred": ~uniform & (sharpness < low),
        "noisy": ~uniform & (sharpness > high),
    }


def _fences(values: Values) -> tuple[float, float]:
    if len(values) < MIN_PICTURES:
        return -np.inf, np.inf
    first, third = (float(value) for value in np.quantile(values, (0.25, 0.75)))
    reach = FENCE * max(third - first, 0.25)  # a set of equal pictures has no range
    return first - reach, third + reach
