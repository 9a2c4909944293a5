"""``reground candidates``."""

from reground.flows.cli.step_command import step_command

app = step_command("candidates", "reground candidates -w W", "reground candidates -w W --top-k 3")
