"""What waits for people."""

from __future__ import annotations

from reground.tasks.report import answers_missing, tied
from reground.tasks.report import waiting as count_waiting
from reground.tasks.text import count_of
from reground.tasks.votes import DEFAULT_POLICY, current_policy, excluded
from reground.tasks.workspace import Workspace


def waiting(workspace: Workspace) -> list[str]:
    """What cannot go on without people, and the command that asks them."""
    columns = ["image_id", "state", "undecided", "judged", "confidence", "shown"]
    truth = workspace.read("truth", columns)
    num_tied = tied(truth)
    num_open = count_waiting(truth, workspace.read("candidates", ["image_id"])) - num_tied
    url = workspace.shell_url
    lines: list[str] = []
    if num_open:
        next_step = "reground review pull" if answers_missing(workspace) else "reground review push"
        lines.append(f"waiting for people: {count_of(num_open, 'image')}; next: `{next_step} -w {url}`")
        num_excluded = len(excluded(workspace, current_policy(workspace, DEFAULT_POLICY)))
        if num_excluded:
            people = count_of(num_excluded, "annotator")
            lines.append(f"votes of {people} do not count: `reground review annotators -w {url}` says why")
    if num_tied:
        next_step = f"reground review push --ask disagreed --to EMAIL -w {url}"
        lines.append(f"waiting for a curator, as votes are tied: {count_of(num_tied, 'image')}; next: `{next_step}`")
    return lines
