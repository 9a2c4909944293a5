"""``reground variants``."""

from reground.flows.cli.step_command import step_command

app = step_command(
    "variants",
    "reground variants -w W",
    "reground variants -w W --groups groups.csv --fill inpaint",
    "reground variants -w W --compose mask,published    # to compare the two",
)
