"""``reground masks``."""

from reground.flows.cli.step_command import step_command

app = step_command(
    "masks",
    "reground masks -w W",
    "reground masks -w W --method supplied:masks.json",
    "reground masks -w W --method supplied:trimaps --foreground-value 1",
    "reground masks -w W --method consensus --min-quality 0.4",
)
