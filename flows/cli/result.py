"""What a command gives: text for a person, data for a machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reground.tasks import console


@dataclass(frozen=True)
class Result:
    """The result of a command.

    Attributes:
        text: for standard output.
        data: the same for ``--json``.
        note: for standard error, unless the command is quiet or prints JSON.
    """

    text: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    note: str = ""

    def print(self, as_json: bool, is_quiet: bool) -> None:
        """Write it out."""
        console.write(json.dumps(self.data, indent=1, sort_keys=True, default=str) if as_json else self.text)
        if self.note and not (as_json or is_quiet):
            console.write(self.note, sys.stderr)


def counted(counts: Mapping[str, Any]) -> str:
    """``{"new_votes": 3}`` -> ``new votes 3``."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counts.items())
