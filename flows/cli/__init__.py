"""The command ``reground``."""

from reground.flows.cli.main import main

__all__ = ["main"]
