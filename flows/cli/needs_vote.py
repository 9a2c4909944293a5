"""``reground needs_vote``."""

from reground.flows.cli.step_command import step_command

app = step_command("needs_vote", "reground needs_vote -w W")
