"""``reground adversarial``."""

from reground.flows.cli.step_command import step_command

app = step_command(
    "adversarial",
    "reground adversarial -w W",
    "reground adversarial -w W --models timm:resnet50.a1_in1k --device cuda",
    "reground adversarial -w W --exhaustive    # exact rankings of backgrounds",
)
