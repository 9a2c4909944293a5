"""``reground neighbours``."""

from reground.flows.cli.step_command import step_command

app = step_command("neighbours", "reground neighbours -w W", "reground neighbours -w W --k 20 --features lite0")
