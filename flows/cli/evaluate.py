"""``reground evaluate``."""

from reground.flows.cli.step_command import step_command

app = step_command("evaluate", "reground evaluate -w W", "reground evaluate -w W --level 0.99 --resamples 10000")
