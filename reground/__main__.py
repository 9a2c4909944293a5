"""``python -m reground`` is the command ``reground``."""

from reground.flows.cli import program

program()
