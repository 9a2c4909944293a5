"""What waits for people."""

from __future__ import annotations

from typing import Final

import pandas as pd

from reground.tasks.report import answers_missing, tied
from reground.tasks.report import waiting as count_waiting
from reground.tasks.schema import ImageState
from reground.tasks.text import count_of
from reground.tasks.votes import DEFAULT_POLICY, current_policy, excluded
from reground.tasks.workspace import Workspace

FEW_FILES: Final = 500
FEW_OBJECTS: Final = 3
"""Files of ``candidates``, in a folder and in an object store, that are read to count what waits."""


def waiting(workspace: Workspace) -> list[str]:
    """What cannot go on without people, and the command that asks them.

    Of a large workspace the images that nobody has judged count whether they have candidates or not ("up to").
    """
    columns = ["image_id", "state", "undecided", "judged", "confidence", "shown"]
    truth = workspace.read("truth", columns)
    num_tied = tied(truth)
    candidates = _candidates(workspace, truth)
    num_open = count_waiting(truth, truth if candidates is None else candidates) - num_tied
    url = workspace.shell_url
    lines: list[str] = []
    if num_open:
        images = f"{'up to ' if candidates is None else ''}{count_of(num_open, 'image')}"
        next_step = "reground review pull" if answers_missing(workspace) else "reground review push"
        lines.append(f"waiting for people: {images}; next: `{next_step} -w {url}`")
        num_excluded = len(excluded(workspace, current_policy(workspace, DEFAULT_POLICY)))
        if num_excluded:
            people = count_of(num_excluded, "annotator")
            lines.append(f"votes of {people} do not count: `reground review annotators -w {url}` says why")
    if num_tied:
        next_step = f"reground review push --ask disagreed --to EMAIL -w {url}"
        lines.append(f"waiting for a curator, as votes are tied: {count_of(num_tied, 'image')}; next: `{next_step}`")
    return lines


def _candidates(workspace: Workspace, truth: pd.DataFrame) -> pd.DataFrame | None:
    """The images with candidates, as far as they matter; None: too many files to read."""
    files = len(workspace.parts("candidates"))
    if not (truth["state"] == ImageState.UNREVIEWED).any() or not files:
        return pd.DataFrame({"image_id": []})
    if files > (FEW_FILES if workspace.is_local else FEW_OBJECTS):
        return None
    return workspace.read("candidates", ["image_id"])
