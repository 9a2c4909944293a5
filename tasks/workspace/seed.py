"""Seeds that depend on what they are for, and on nothing else."""

from __future__ import annotations

import hashlib


def derive_seed(base: int, *names: str, bits: int = 63) -> int:
    """A seed of its own for each thing: the same on every machine, in any order, on any worker.

    Args:
        base: the user's seed.
        names: what the seed is for, such as an image_id.
        bits: of the seed; 63 fits an int64 column, 31 an OpenCV seed.

    Examples:
        >>> derive_seed(0, "n02099601_1") == derive_seed(0, "n02099601_1")
        True
    """
    text = "\0".join((str(base), *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> (64 - bits)
