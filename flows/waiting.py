"""What waits for people."""

from __future__ import annotations

from reground.tasks.report import waiting as count_waiting
from reground.tasks.text import count_of
from reground.tasks.workspace import Workspace


def waiting(workspace: Workspace) -> list[str]:
    """What cannot go on without people, and the command that asks them."""
    open_images = count_waiting(
        workspace.read("truth", ["image_id", "state"]), workspace.read("candidates", ["image_id"])
    )
    if not open_images:
        return []
    asked = len(workspace.read("questions", ["key"]))
    next_step = "reground review pull" if asked else "reground review push"
    return [f"waiting for people: {count_of(open_images, 'image')}; next: `{next_step} -w {workspace.shell_url}`"]
