"""The ILSVRC2012 devkit: the WordNet id of each validation image."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from reground.tasks.errors import UsageError

GROUND_TRUTH: Final = "ILSVRC2012_validation_ground_truth.txt"
META: Final = "meta.mat"


def read_ground_truth(devkit: Path) -> list[str]:
    """Read the WordNet id of each validation image, from ``ILSVRC2012_val_00000001`` on.

    The ground truth gives an ILSVRC2012_ID, which is *not* the index of the sorted WordNet ids;
    ``meta.mat`` maps it to the WordNet id.

    Args:
        devkit: the devkit folder, its ``data`` folder, or the ground truth with ``meta.mat`` in the same folder.

    Raises:
        UsageError: a file is missing or malformed; the message gives the file and the line.
    """
    candidates = [devkit, devkit / GROUND_TRUTH, devkit / "data" / GROUND_TRUTH]
    ground_truth = next((path for path in candidates if path.is_file()), None)
    if ground_truth is None:
        raise UsageError(
            f"expected the ILSVRC2012 devkit at {devkit}, found no {GROUND_TRUTH} there or in its folder data"
        )
    wnid_of = _read_meta(ground_truth.parent / META)
    try:
        lines = ground_truth.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"expected one ILSVRC2012_ID per line in {ground_truth}, but it cannot be read: {error}"
        ) from error
    while lines and not lines[-1].strip():
        lines.pop()
    return [_wnid(ground_truth, number, text.strip(), wnid_of) for number, text in enumerate(lines, 1)]


def _wnid(ground_truth: Path, line: int, text: str, wnid_of: dict[int, str]) -> str:
    if not text.isdigit() or int(text) not in wnid_of:
        raise UsageError(
            f"{ground_truth}, line {line}: expected an ILSVRC2012_ID of meta.mat "
            f"({min(wnid_of)} to {max(wnid_of)}), found '{text[:40]}'"
        )
    return wnid_of[int(text)]


def _read_meta(path: Path) -> dict[int, str]:
    from scipy.io import loadmat

    try:
        synsets: Any = loadmat(str(path), squeeze_me=True)["synsets"]
        leaves = synsets[synsets["num_children"] == 0]
        wnid_of = {int(i): str(wnid) for i, wnid in zip(leaves["ILSVRC2012_ID"], leaves["WNID"], strict=True)}
    except Exception as error:  # scipy raises exceptions of many types for a damaged file
        raise UsageError(
            f"expected ILSVRC2012 meta.mat (a table 'synsets' with ILSVRC2012_ID, WNID and num_children) "
            f"at {path}, but it cannot be read: {type(error).__name__}: {error}"
        ) from error
    if not wnid_of:
        raise UsageError(f"{path}: expected classes without children in 'synsets', found none")
    return wnid_of
