"""``reground suspects``."""

from reground.flows.cli.step_command import step_command

app = step_command(
    "suspects",
    "reground suspects -w W",
    "reground suspects -w W --find label,duplicate",
)
