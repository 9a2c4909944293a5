"""Text that comes from files: names, ids and messages, as people may safely read them.

A terminal obeys control characters, a text renderer obeys direction marks, and nobody sees a character of no
width. Here each is shown as its code point, as JSON writes it: ``\\u001b``, ``\\u202e``, ``\\u200b``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_BLANK: Final = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""Characters of other categories that no font draws: fillers, joiners and variation selectors."""
_UNSAFE: Final = re.compile(f"[{_BLANK}]")
_MARKDOWN: Final = re.compile(r"[\\`*\[\]<>|~$]|&(?=#?\w)|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.")
_BLOCK: Final = re.compile(r"#(?=#*(\s|$))|[+-](?=[+\-\s]|$)|=(?=[=\s]|$)|\d{1,9}(?=[.)](\s|$))")
"""What opens a heading, a rule or a list where it begins a line."""
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""How a cell begins that spreadsheets run, full-width forms included; OWASP, "CSV Injection"."""


def visible(text: str) -> str:
    r"""A value on one line: every character that is obeyed or drawn as nothing, shown as its code point.

    Escaped are the Unicode categories control, format (direction marks, joiners, zero width), surrogate,
    private, unassigned, line and paragraph separator, and the other code points that fonts leave blank.

    Examples:
        >>> visible("tench"), visible("sh\x1b[31mark"), visible("a\nb"), visible("\u202egnp.exe")
        ('tench', 'sh\\u001b[31mark', 'a\\u000ab', '\\u202egnp.exe')
    """
    if text.isprintable() and (text.isascii() or not _UNSAFE.search(text)):
        return text
    return "".join(map(_shown, text))


def visible_lines(text: str) -> str:
    r"""As `visible`, of a text of several lines: line breaks and tabs stay.

    Examples:
        >>> visible_lines("first\nsec\x07ond")
        'first\nsec\\u0007ond'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(part if part in ("\n", "\t") else visible(part) for part in re.split(r"([\n\t])", text))


def join_lines(lines: Iterable[str]) -> str:
    r"""Lines joined to a text, in which each stays one line whatever names are in it.

    Examples:
        >>> join_lines(["a\nb: 3", "c: 4"])
        'a\\u000ab: 3\nc: 4'
    """
    return "\n".join(map(visible, lines))


def shorten(text: str, length: int = 200) -> str:
    """The beginning of a text that is too long for a message, and how long it is.

    Examples:
        >>> shorten("tench"), shorten("a" * 5000, length=3)
        ('tench', 'aaa... (5,000 characters)')
    """
    return text if len(text) <= length else f"{text[:length]}... ({len(text):,} characters)"


def count_of(number: int, one: str, many: str = "") -> str:
    """A number of things, in the singular where it is one.

    Args:
        number: of things.
        one: what one of them is called.
        many: what several are called; empty: ``one`` with an s.

    Examples:
        >>> count_of(1, "vote"), count_of(1200, "vote"), count_of(0, "reply", "replies")
        ('1 vote', '1,200 votes', '0 replies')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def markdown(text: str) -> str:
    r"""A value inside a line, list item or table cell of Markdown: it opens nothing, links nothing, and stays on it.

    Examples:
        >>> markdown("great white shark"), markdown("# Licence"), markdown("a|b\n- <b>"), markdown("label_studio")
        ('great white shark', '\\# Licence', 'a\\|b\\\\u000a- \\<b\\>', 'label_studio')
    """
    escaped = _MARKDOWN.sub(r"\\\g<0>", visible(text))
    if escaped.startswith(" "):  # else an indent: of code, or of what follows it
        return f"&#32;{escaped[1:]}"
    start = _BLOCK.match(escaped)
    if start is None:
        return escaped
    # A number is no marker once its full stop or bracket is escaped.
    place = start.end() if start[0].isdigit() else 0
    return f"{escaped[:place]}\\{escaped[place:]}"


def spreadsheet_cell(text: str) -> str:
    r"""A cell that a spreadsheet shows and does not run: an apostrophe before what would begin a formula.

    Control and direction characters are shown as in `visible`: some spreadsheets skip a tab or a line break
    before the sign of equality.

    Examples:
        >>> spreadsheet_cell("tench"), spreadsheet_cell("=1+1"), spreadsheet_cell("\t=1")
        ('tench', "'=1+1", '\\u0009=1')
    """
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def _shown(character: str) -> str:
    if (character.isprintable() or (character.isspace() and character in _SPACES)) and not _UNSAFE.match(character):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


_SPACES: Final = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Spaces of other widths than the usual: they are drawn, and obeyed by nobody."""
