"""``reground imagenet9 import``: variants made elsewhere, in the layout of the released ImageNet-9 data."""

from cyclopts import App

from reground.flows.cli.examples import examples
from reground.flows.cli.step_command import step_action

app = App("imagenet9", help_epilogue=examples("reground imagenet9 import bg_challenge -w W"))
app.command(
    step_action("imagenet9 import", "imagenet9", positional="folder"),
    name="import",
    help="Import a folder with original/val/..., only_bg_t/val/..., fg_mask/val/... (a workspace remembers it).",
    help_epilogue=examples(
        "reground imagenet9 import bg_challenge -w W", "reground imagenet9 import bg_challenge -w W --runner threads:4"
    ),
)
