"""``reground class_pairs``."""

from reground.flows.cli.step_command import step_command

app = step_command("class_pairs", "reground class_pairs -w W", "reground class_pairs -w W --confused 0.2")
