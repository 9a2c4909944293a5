"""The command ``reground``."""

from reground.flows.cli.main import main, program
from reground.flows.cli.reference import Command, Option, Reference, reference

__all__ = ["program", "main", "reference", "Reference", "Command", "Option"]
