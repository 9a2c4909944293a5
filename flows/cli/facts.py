"""``reground facts``."""

from reground.flows.cli.step_command import step_command

app = step_command("facts", "reground facts -w W", "reground facts -w s3://BUCKET/W --runner processes:8")
