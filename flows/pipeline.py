"""The whole way through, in order: the project's map."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from reground.flows import steps
from reground.flows.scheduled import house


@flow(name="run")
def pipeline(workspace: str, settings: dict[str, Any] | None = None, runner: str = "") -> State[Any]:
    """Do all that can be done now. What people have not answered yet stays open, and is said.

    Args:
        workspace: folder or object-store URL.
        settings: overrides, {step: {field: value}}; the workspace remembers them.
            The first run needs {"index": {"images": FOLDER}}.
        runner: threads[:N], processes[:N] or ray[:ADDRESS]; empty: as in the settings.
    """
    with house("run", workspace, settings, runner, steps.RUN) as held:
        held.run("index")  # a folder of labelled images -> images, classes
        held.run("masks")  # boxes -> foregrounds
        held.run("variants")  # foregrounds, backgrounds -> the eight variants
        held.run("predict")  # every model on photographs and variants
        held.run("candidates")  # labels worth asking about
        # People: `review-push` asks, `collect` brings their votes, each a flow of its own.
        held.run("truth")  # votes -> labels with confidence
        held.run("needs_vote")  # which question to ask next
        held.run("evaluate")  # every model on every set, against both kinds of label
        held.run("report")  # one page
        return held.outlook()
