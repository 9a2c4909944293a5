"""``reground run``: every step in order, as far as it goes without people."""

from cyclopts import App

from reground.flows import steps
from reground.flows.cli.examples import examples
from reground.flows.cli.step_command import step_action

app = App(
    "run",
    help_epilogue=examples(
        "reground run ILSVRC2012/val -w W --boxes ILSVRC2012/bbox/val",
        "reground run -w W                       # again, after votes came in",
        "reground run images.csv -w W --models timm:resnet50.a1_in1k",
        "reground run -w W --runner processes:4 --predict-device cuda",
        "reground run -w W --prefect http://127.0.0.1:4200/api",
    ),
)
app.default(step_action("run", *steps.RUN, positional="images"))
