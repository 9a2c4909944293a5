"""The command ``reground``."""

from reground.flows.cli.app import parse
from reground.flows.cli.main import main, program
from reground.flows.cli.reference import Command, Option, Reference, reference

__all__ = ["program", "main", "parse", "reference", "Reference", "Command", "Option"]
