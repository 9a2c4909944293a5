"""``reground report``."""

from reground.flows.cli.step_command import step_command

app = step_command(
    "report", "reground report -w W", "reground report -w W --title 'Our validation set' --max-images 200"
)
