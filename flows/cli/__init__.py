"""The command `reground`, one file a command."""
