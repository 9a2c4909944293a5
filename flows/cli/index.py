"""``reground index``."""

from reground.flows.cli.step_command import step_command

app = step_command(
    "index",
    "reground index ILSVRC2012/val -w W --boxes ILSVRC2012/bbox/val",
    "reground index KAGGLE -w W    # ILSVRC as Kaggle distributes it",
    "reground index photographs.csv -w W --classes classes.csv --ids path",
    positional="images",
)
