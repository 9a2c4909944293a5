"""The examples of the documentation: shell blocks, ``>>>`` blocks and commands named in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import ROOT

PAGES = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if (ROOT / "docs" / "reference") not in path.parents
]
SHELL = ("sh", "bash", "shell", "console")
PYTHON = ("pycon", "python", "py")
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*).*$")
NOT_RUN = re.compile(r"^<!-- not run in the tests: (?P<reason>.+) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: the file it stands in.
        line: of its fence, from 1.
        language: of the fence; empty: none.
        text: between the fences.
        reason: why the tests do not run it, as the page says; empty: they do.
    """

    page: Path
    line: int
    language: str
    text: str
    reason: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = page.read_text().splitlines()
    number = 0
    reason = ""
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if fence:
            indent, end = fence["indent"], number + 1
            while lines[end].strip() != "```":
                end += 1
            text = "\n".join(line.removeprefix(indent) for line in lines[number + 1 : end])
            found.append(Block(page, number + 1, fence["language"], text, reason))
            number, reason = end, ""
        elif lines[number].strip():
            marked = NOT_RUN.match(lines[number])
            reason = marked["reason"] if marked else ""
        number += 1
    return found


def commands(block: Block) -> list[str]:
    """The commands of a shell block, one a line, without comments; in a console block those after ``$``."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [shlex.join(words) for line in lines if (words := shlex.split(line, comments=True))]


def reground_words(command: str) -> list[str] | None:
    """The arguments of a ``reground`` command, which may follow assignments; None: another program."""
    words = shlex.split(command)
    while words and re.match(r"^[A-Z_]+=", words[0]):
        words = words[1:]
    return words[1:] if words and words[0] == "reground" else None


def inline_code(page: Path) -> Iterator[str]:
    """What stands in backticks in the text of a page, outside of fences; line breaks are blanks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", text):
        yield " ".join(code.split())
